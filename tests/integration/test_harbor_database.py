"""The registry's database comes out of a set as it went in, or what is there stays: by a real PostgreSQL.

Harbor's own programs are not run: what stands for its content are tables of its kind.
"""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils import database_set
from ansible_collections.platform.base.plugins.module_utils.postgres import (
    DatabaseProblem,
    ask,
    dump,
    knows_password,
    put,
    set_password,
)
from ansible_collections.platform.base.plugins.module_utils.sealed import SealBroken

from tests.integration.postgresql import ACCOUNT, programs, unprivileged
from tests.repository import role_folder
from tests.role_programs import loaded
from tests.unit.roles.cluster import Cluster

MODULE = loaded(role_folder("harbor") / "library/harbor_database.py")
SET = {"id": "20260131T120000Z", "passphrase": "a passphrase"}
CONTENT = r"""
CREATE TABLE project (project_id SERIAL PRIMARY KEY, name varchar(255) UNIQUE NOT NULL, deleted boolean DEFAULT false);
CREATE TABLE artifact (id BIGSERIAL PRIMARY KEY, digest varchar(255), extra json, project_id int REFERENCES project);
CREATE FUNCTION update_update_time_at_column() RETURNS trigger AS $$ BEGIN RETURN NEW; END; $$ LANGUAGE plpgsql;
CREATE TRIGGER changed BEFORE UPDATE ON project FOR EACH ROW EXECUTE FUNCTION update_update_time_at_column();
INSERT INTO project (name) VALUES ('library'), ('it''s; -- ümlauts'), (E'two\nlines\t\\');
INSERT INTO artifact (digest, extra, project_id)
  SELECT 'sha256:' || md5(n::text), '{"a": 1}', 1 + n % 3 FROM generate_series(1, 20000) AS n;
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return a folder of the server's own: those of tests are their owner's alone."""
    with tempfile.TemporaryDirectory(prefix="registry-database-") as path:
        yield Path(path)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[list[str]]:
    """Run a PostgreSQL without a port, and return what runs a program beside it."""
    installed = programs()
    run = ["env", f"PGHOST={folder}", f"PATH={installed}:/usr/bin:/bin"]
    if unprivileged():
        os.chown(folder, ACCOUNT, ACCOUNT)
    data = ["--pgdata", str(folder / "data")]
    start = [
        *unprivileged(),
        str(installed / "initdb"),
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF-8",
        *data,
    ]
    subprocess.run([*start, "--no-sync"], check=True, capture_output=True, cwd="/")
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    command = [*unprivileged(), str(installed / "postgres"), "-D", str(folder / "data"), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
    try:
        ready = [*run, "pg_isready", "--quiet"]
        end = time.monotonic() + 60
        while subprocess.run(ready, check=False).returncode and time.monotonic() < end:
            time.sleep(0.2)
        yield run
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def run(server: list[str]) -> list[str]:
    """Return what runs a program beside a database that has content."""
    ask(server, "DROP DATABASE IF EXISTS registry;\n")
    ask(server, "CREATE DATABASE registry;\n")
    put(server, "registry", io.BytesIO(CONTENT.encode()))
    return server


def content(run: list[str]) -> list[bytes]:
    """Return all that the database has, as text; each copy has a random word of its own in two lines."""
    found = io.BytesIO()
    dump(run, "registry", found.write)
    return [line for line in found.getvalue().splitlines() if not line.startswith((b"\\restrict", b"\\unrestrict"))]


def spoil(run: list[str]) -> None:
    """Lose something, change something, and have something that was not there."""
    ask(run, "\\connect registry\nDELETE FROM artifact WHERE id < 100;\nALTER TABLE project DROP COLUMN deleted;\n")
    ask(run, "\\connect registry\nCREATE TABLE of_a_newer_version (id int);\nSELECT nextval('artifact_id_seq');\n")


def given(folder: Path, **more: Any) -> dict[str, Any]:
    return {"namespace": "harbor", "site_database": "", "seconds": 5, "backup": {**SET, "folder": str(folder)}, **more}


def test_a_database_comes_back_as_it_was(run: list[str], tmp_path: Path) -> None:
    before = content(run)

    told = MODULE.take(given(tmp_path), run)
    spoil(run)
    MODULE.give_back(given(tmp_path), Cluster({}), run)

    assert content(run) == before
    assert told["holds"]["database_bytes"] > 100000
    assert b"sha256:" not in (tmp_path / SET["id"] / "harbor" / database_set.CONTENT).read_bytes()


class CutOff(io.BytesIO):
    """Gives half of what it has, and then says that it was changed."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > len(self.getvalue()) // 2:
            raise SealBroken("the file", "it was changed")
        return super().read(4096)


@pytest.mark.parametrize("kind", ["changed", "refused"])
def test_what_is_no_whole_copy_leaves_the_database_as_it_is(kind: str, run: list[str]) -> None:
    found = io.BytesIO()
    dump(run, "registry", found.write)
    spoil(run)
    before = content(run)
    copy = CutOff(found.getvalue()) if kind == "changed" else io.BytesIO(found.getvalue() + b"SELECT nonsense;\n")

    with pytest.raises((DatabaseProblem, SealBroken), match=r"changed|as it was.*nonsense"):
        put(run, "registry", copy)

    assert content(run) == before


def test_a_program_that_is_killed_half_way_leaves_the_database_as_it_is(run: list[str]) -> None:
    before = content(run)
    begun = b"BEGIN;\nDROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\nCREATE TABLE half (id int);\n"

    # As beside a database whose client's connection is cut: what it said ends there.
    subprocess.run([*run, "psql", "--username=postgres", "--dbname=registry"], input=begun, check=True)

    assert content(run) == before


def test_a_copy_that_is_not_whole_is_told(run: list[str]) -> None:
    with pytest.raises(DatabaseProblem, match=r"nowhere was not copied whole.*does not exist"):
        dump(run, "nowhere", io.BytesIO().write)


@pytest.mark.parametrize("kind", ["scram-sha-256", "md5"])
def test_a_password_is_told_once(kind: str, run: list[str]) -> None:
    ask(run, f"ALTER SYSTEM SET password_encryption = '{kind}';\n")
    ask(run, "SELECT pg_reload_conf();\n")
    time.sleep(0.5)
    wanted = given(Path(), password="it's new")

    first, second = (MODULE.settle_password(wanted, run, check_mode=False)["changed"] for _ in range(2))

    assert (first, second) == (True, False)
    assert not knows_password(run, "its new")
    set_password(run, "another")
    assert knows_password(run, "another")
