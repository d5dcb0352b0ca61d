"""What tests of adapters share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from installer.adapters.ansible_runs import AnsibleRunner
from installer.model.plan import Job, Step
from tests.ansible_stand_in import FakeAnsible, Told
from tests.fakes import RecordingReporter


@pytest.fixture(autouse=True)
def hasty_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for the disk: no test cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Told]:
    """Return what runs a job with a stand-in for Ansible, and returns the results."""

    def go(ansible: FakeAnsible, *steps: Step, reporter: RecordingReporter | None = None, limit: str = "") -> Told:
        monkeypatch.setattr("ansible_runner.run", ansible)
        told: Told = {}
        runner = AnsibleRunner(tmp_path / "project", tmp_path / "inventory", tmp_path / "runs", {"SITE": "1"}, limit)
        runner.run(
            Job(steps), {}, lambda step, result: told.update({step.name: result}), reporter or RecordingReporter()
        )
        return told

    return go
