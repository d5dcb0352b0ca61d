"""Ansible itself, run on this machine: what is told of a failure, and how a run is ended."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from installer.adapters.ansible_runs import AnsibleRunner
from installer.engine.redaction import HIDDEN, redaction
from installer.model.events import Event, TaskChanged
from installer.model.plan import Job, Step, StepResult
from tests.fakes import RecordingReporter

SECRET = "correct horse battery staple"
_COMPONENT = """\
- name: "{{ component }}: {{ platform_verb }}"
  hosts: "{{ component_hosts }}"
  gather_facts: false
  connection: local
  tasks:
    - {name: Say it, ansible.builtin.fail: {msg: "it read %s and abcdef.0123456789abcdef"}, when: component == "teller"}
    - {name: Keep it, ansible.builtin.fail: {msg: "%s"}, no_log: true, when: component == "keeper"}
    - {name: Wait, ansible.builtin.command: sleep 600, changed_when: false, when: component == "sleeper"}
    - name: Change, and say nothing of it
      when: component == "changer"
      no_log: true
      block:
        - {name: One, ansible.builtin.debug: {msg: it}, changed_when: true}
        - {name: None, ansible.builtin.debug: {msg: it}, changed_when: false}
        - {name: Several, ansible.builtin.debug: {msg: it}, loop: [1, 2], changed_when: item == 2}
        - {name: None of several, ansible.builtin.debug: {msg: it}, loop: [1, 2], changed_when: false}
""" % (SECRET, SECRET)  # noqa: UP031 - braces are Jinja's


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AnsibleRunner:
    """Return a runner for a project of one play, told one secret, with another in its environment."""
    monkeypatch.setenv("PLATFORM_CA_PASSPHRASE", SECRET)
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "component.yml").write_text(_COMPONENT)
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    (tmp_path / "hosts.yml").write_text("all: {hosts: {cp1: {ansible_connection: local}}}\n")
    return AnsibleRunner(tmp_path, tmp_path / "hosts.yml", tmp_path / "runs", {}, redact=redaction([SECRET]))


def results_of(runner: AnsibleRunner, component: str) -> dict[str, StepResult]:
    found: dict[str, StepResult] = {}

    def ended(step: Step, result: StepResult) -> None:
        found[step.name] = result

    runner.run(Job((Step(component, "deploy", "all"),)), {}, ended, RecordingReporter())
    return found


def test_a_secret_that_a_task_says_is_hidden(runner: AnsibleRunner) -> None:
    (failure,) = results_of(runner, "teller")["teller deploy"].failures

    assert (failure.host, failure.task) == ("cp1", "Say it")
    assert failure.message == f"it read {HIDDEN} and {HIDDEN}"


def test_what_changed_is_counted_although_the_task_keeps_back_what(runner: AnsibleRunner) -> None:
    assert results_of(runner, "changer")["changer deploy"].changed == 2


def test_what_a_task_keeps_back_stays_back_and_the_task_is_named(runner: AnsibleRunner) -> None:
    (failure,) = results_of(runner, "keeper")["keeper deploy"].failures

    assert failure.task == "Keep it"
    assert SECRET not in failure.message


def test_the_operators_environment_is_not_kept(runner: AnsibleRunner, tmp_path: Path) -> None:
    results_of(runner, "keeper")

    kept = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if SECRET in path.read_text()]


class Starting:
    """Tells when a task began."""

    def __init__(self, task: str) -> None:
        self.began = threading.Event()
        self._task = task

    def emit(self, event: Event) -> None:
        if isinstance(event, TaskChanged) and event.task == self._task:
            self.began.set()


def test_a_run_that_is_stopped_ends_and_tells_nothing_of_its_step(runner: AnsibleRunner) -> None:
    told: list[Any] = []
    reporter, job, nothing = Starting("Wait"), Job((Step("sleeper", "deploy", "all"),)), dict[str, Any]()

    def work(variables: Mapping[str, Any]) -> None:
        runner.run(job, variables, lambda step, result: told.append(result), reporter)

    thread = threading.Thread(target=work, args=(nothing,))
    thread.start()
    assert reporter.began.wait(60)

    runner.stop()
    thread.join(30)

    assert not thread.is_alive()
    assert told == []
