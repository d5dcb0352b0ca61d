"""This machine's PostgreSQL, for tests that need a real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# It refuses to be run by root.
ACCOUNT = 65534


def programs() -> Path:
    """Return the folder of its newest version's programs; without one the test is skipped."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL on this machine: install the package postgresql")
    return found[-1].parent


def unprivileged() -> list[str]:
    """Return what runs a server as somebody else than root."""
    return ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups"] if os.geteuid() == 0 else []
