"""Every policy does to its cases what its suite says: gator tries them, as Gatekeeper would."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from installer.adapters.lock_files import read_lock
from tests.bundled import program
from tests.repository import PROJECT

FOLDER = PROJECT / "roles/gatekeeper/files/policies"
POLICIES = sorted(path.name for path in FOLDER.iterdir())


@pytest.fixture(scope="module")
def gator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle's gator."""
    lock = read_lock(PROJECT / "inventories/lab/bundle.lock.json")
    assert lock is not None
    return program(lock, "gator", tmp_path_factory.mktemp("programs"))


@pytest.mark.parametrize("policy", POLICIES)
def test_cases_are_judged_as_the_suite_says(policy: str, gator: Path) -> None:
    command = [str(gator), "verify", str(FOLDER / policy / "suite.yml")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in done.stdout
