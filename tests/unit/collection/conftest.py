"""Stand-ins for a host's programs, found on the path before the real ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditLog

from tests.unit.collection.release_site import Desk


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return what puts a program on the path that writes its calls down; it returns the file of calls."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def make(name: str, says: str = "", status: int = 0) -> Path:
        calls, answer = folder / f"{name}.calls", folder / f"{name}.answer"
        calls.touch()
        answer.write_text(says)
        script = f'#!/bin/sh\necho "$*" >> {calls}\ncat {answer}\nexit {status}\n'
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
        return calls

    return make


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return who asks of models; its log waits for no disk, as no test cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return Desk(AuditLog(str(tmp_path / "audit" / "models.jsonl"), lambda: 1769860800.0))
