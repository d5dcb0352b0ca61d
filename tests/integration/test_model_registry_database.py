"""The registry's database starts from what a power cut left: by a real PostgreSQL, as process 1 of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.postgresql import ACCOUNT, programs, unprivileged
from tests.repository import role_folder

SCRIPT = role_folder("model_registry") / "files/start-database"
SETTINGS = "listen_addresses = ''\nunix_socket_directories = '{folder}'\nshared_buffers = '16MB'\n"


@pytest.fixture(scope="module", name="programs")
def installed() -> Path:
    if os.geteuid():
        pytest.skip("processes of a namespace of their own are root's to make")
    return programs()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder of the server's own, with what a pod is given: those of tests are their owner's alone."""
    with tempfile.TemporaryDirectory(prefix="models-database-") as path:
        given = Path(path)
        for name in ("data", "database/settings", "database/password"):
            (given / name).mkdir(parents=True)
        (given / "database/settings/postgresql.conf").write_text(SETTINGS.format(folder=given))
        (given / "database/password/password").write_text("of-the-registry")
        script = SCRIPT.read_text().replace("/etc/database", f"{given}/database")
        (given / "start").write_text(script.replace("/var/lib/postgresql", f"{given}/data"))
        for owned in (given, given / "data"):
            os.chown(owned, ACCOUNT, ACCOUNT)
        yield given


@contextlib.contextmanager
def started(folder: Path, programs: Path) -> Iterator[None]:
    """Run the database as a container does, and take its power away at the end."""
    environment = {"PGHOST": str(folder), "PATH": f"{programs}:/usr/bin:/bin"}
    alone = ["unshare", "--pid", "--fork"]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*alone, *unprivileged(), "sh", str(folder / "start")], env=environment, cwd="/", stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + 60
        while process.poll() is None and not answers(folder, programs) and time.monotonic() < end:
            time.sleep(0.2)
        assert process.poll() is None, (folder / "log").read_text()
        yield
    finally:
        # All of a namespace ends with its process 1, which is the only child; one that failed has none.
        with contextlib.suppress(FileNotFoundError):
            for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
        process.wait()


def answers(folder: Path, programs: Path) -> bool:
    asked = subprocess.run([str(programs / "pg_isready"), "--quiet", "--host", str(folder)], check=False)
    return asked.returncode == 0


def asked(folder: Path, programs: Path, question: str) -> str:
    command = [str(programs / "psql"), "--host", str(folder), "--username=models", "-tAc", question, "models"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_it_comes_back_with_what_it_had_when_its_power_was_cut(folder: Path, programs: Path) -> None:
    with started(folder, programs):
        asked(folder, programs, "CREATE TABLE kept (name text); INSERT INTO kept VALUES ('tiny')")
    # What it leaves is taken for a server that runs, as whoever starts it is process 1 as well.
    assert (folder / "data/data/postmaster.pid").read_text().splitlines()[0] == "1"

    with started(folder, programs):
        assert asked(folder, programs, "SELECT name FROM kept") == "tiny"


def test_it_knows_the_password_that_it_is_given_now(folder: Path, programs: Path) -> None:
    stored = "SELECT rolpassword FROM pg_authid WHERE rolname = 'models'"
    as_owner = [str(programs / "psql"), "--host", str(folder), "--username=postgres", "-tAc", stored]
    with started(folder, programs):
        before = subprocess.run(as_owner, check=True, capture_output=True, text=True).stdout
    (folder / "database/password/password").write_text("of-a-former-site")

    with started(folder, programs):
        after = subprocess.run(as_owner, check=True, capture_output=True, text=True).stdout

    assert before.startswith("SCRAM-SHA-256$") and after.startswith("SCRAM-SHA-256$") and before != after
