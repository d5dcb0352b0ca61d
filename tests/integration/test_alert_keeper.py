"""The program that keeps alerts, by its own tests; they want the Go toolchain that bundles are built with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.repository import role_folder

TOOLCHAINS = Path("/var/cache/platform-install/toolchains")


@pytest.fixture
def go() -> Path:
    """Return the Go command that bundles are built with."""
    found = sorted(TOOLCHAINS.glob("*/go/bin/go"))
    if not found:
        pytest.skip("no Go toolchain: run `./platform-install bundle build -i lab`")
    return found[-1]


def test_the_keeper_of_alerts_keeps_its_promises(go: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOCACHE": str(tmp_path), "CGO_ENABLED": "0"}

    done = subprocess.run(
        [go, "test", "./..."],
        cwd=role_folder("monitoring") / "files/alert_keeper",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
