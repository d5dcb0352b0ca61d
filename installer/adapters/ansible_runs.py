"""One `ansible-runner` run a job; its events go to the reporter as they come."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installer.adapters.ansible_settings import STOP_SECONDS, ansible_environment, hide_secrets
from installer.adapters.process import descendants, kill_all
from installer.engine.redaction import Redaction, redact_all
from installer.model.events import StepChanged, StepStatus, TaskChanged, TaskEnded
from installer.model.plan import HOSTS, Job, Step, StepResult, TaskFailure, TaskTime
from installer.ports import Reporter, StepEnded

_SLOWEST = 5
_MOST_TEXT = 4000
# A child that is killed is gone at once; its host's connection may linger.
_END_SECONDS = 15.0
_LOOK_SECONDS = 0.2
_FORGET = "Go on after what failed"
# The tag of the task that holds a role's arguments against its specification. What stands was deployed
# with them: whoever only verifies it need not ask again, on every host.
_DEPLOYED = "always"


@dataclass
class _Watched:
    """What the events of one step have told so far."""

    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    changed: int = 0
    failures: list[TaskFailure] = field(default_factory=list)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    results: defaultdict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))

    def result(self) -> StepResult:
        slowest = sorted(self.seconds.items(), key=lambda entry: -entry[1])[:_SLOWEST]
        return StepResult(
            ok=not self.failures,
            changed=self.changed,
            seconds=time.monotonic() - self.began,
            failures=tuple(self.failures),
            slowest=tuple(TaskTime(name, seconds) for name, seconds in slowest),
            results=dict(self.results),
        )


class AnsibleRunner:
    """Runs the steps of a job as plays of `playbooks/component.yml`, in one process."""

    def __init__(
        self,
        project: Path,
        inventory: Path,
        runs: Path,
        environment: Mapping[str, str],
        limit: str = "",
        redact: Redaction = str,
    ) -> None:
        """Keep what each run leaves behind below `runs`.

        Args:
            environment: variables for Ansible, beside this process's own.
            limit: hosts to keep to; all when empty.
            redact: hides secrets in what modules said.
        """
        self._project = project
        self._inventory = inventory
        self._runs = runs
        self._environment = environment
        self._limit = limit
        self._redact = redact
        self._stopping = threading.Event()
        self._idle = threading.Condition()
        self._at_work = 0

    def stop(self) -> None:
        """End what runs, and return when it has ended.

        Ansible's workers have sessions of their own, so they outlive the process that is killed:
        they are remembered while they still can be found as its children.
        """
        known = descendants(os.getpid())
        self._stopping.set()
        end = time.monotonic() + _END_SECONDS
        with self._idle:
            while self._at_work and time.monotonic() < end:
                self._idle.wait(_LOOK_SECONDS)
                known.update(descendants(os.getpid()))
        kill_all(known)

    def run(self, job: Job, variables: Mapping[str, Any], ended: StepEnded, reporter: Reporter) -> None:
        """Run the job's steps in order; a failure is a result, not an error."""
        import ansible_runner  # a second of imports that only runs need

        folder = self._runs / job.name.replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        playbook = folder / "job.yml"
        playbook.write_text(json.dumps(_plays(job, self._project / "playbooks")))
        watch = _Watch(job, ended, reporter, self._redact)
        with self._working():
            outcome = ansible_runner.run(
                private_data_dir=str(folder),
                project_dir=str(self._project),
                playbook=str(playbook),
                inventory=str(self._inventory),
                limit=self._limit or None,
                extravars=dict(variables) or None,
                skip_tags=_DEPLOYED if _only_verifies(job) else None,
                envvars=ansible_environment(self._project, self._environment),
                event_handler=watch.event,
                cancel_callback=self._stopping.is_set,
                settings={"pexpect_timeout": STOP_SECONDS},
                quiet=True,
            )
            hide_secrets(folder, self._redact)
        if self._stopping.is_set():
            # What was cut off is neither good nor failed: the journal has its beginning, the next run goes on.
            return
        watch.close("" if outcome.status == "successful" else _last_words(folder))

    @contextlib.contextmanager
    def _working(self) -> Iterator[None]:
        with self._idle:
            self._at_work += 1
        try:
            yield
        finally:
            with self._idle:
                self._at_work -= 1
                self._idle.notify_all()


def _plays(job: Job, playbooks: Path) -> list[dict[str, Any]]:
    """Return a playbook of one play a step; a failed verification does not hide the next."""
    plays: list[dict[str, Any]] = []
    for step in job.steps:
        if plays and _only_verifies(job):
            forget = {"name": _FORGET, "ansible.builtin.meta": "clear_host_errors"}
            plays.append(
                {"name": _FORGET, "hosts": "all", "gather_facts": False, "any_errors_fatal": False, "tasks": [forget]}
            )
        variables = {"component": step.component, "component_hosts": step.hosts, "platform_verb": step.verb}
        playbook = "preflight.yml" if step.component == HOSTS else "component.yml"
        plays.append({"ansible.builtin.import_playbook": str(playbooks / playbook), "vars": variables})
    return plays


def _only_verifies(job: Job) -> bool:
    return all(step.verb == "verify" for step in job.steps)


class _Watch:
    """Turns one process's events into the results of its steps."""

    def __init__(self, job: Job, ended: StepEnded, reporter: Reporter, redact: Redaction) -> None:
        self._redact = redact
        self._ended = ended
        self._reporter = reporter
        self._waiting = list(job.steps)
        self._by_play = {f"{step.component}: {step.verb}": step for step in job.steps}
        self._current: Step | None = None
        self._watched = _Watched()

    def event(self, event: Mapping[str, Any]) -> bool:
        """Take one event, and return whether its record is to be kept: it is not, for it may hold a secret."""
        data = event.get("event_data") or {}
        kind = event.get("event")
        if kind == "playbook_on_play_start":
            self._begin(self._by_play.get(str(data.get("play"))))
        elif self._current is not None:
            self._task_event(str(kind), data, self._current)
        return False

    def close(self, last_words: str) -> None:
        """End the step under way; what never began because of a failure stays untold."""
        if self._current is None and self._waiting and last_words:
            self._current = self._waiting.pop(0)
        if self._current is not None and last_words and not self._watched.failures and not self._failed_before:
            self._watched.failures.append(TaskFailure("localhost", "run Ansible", self._redact(last_words)))
        self._begin(None)

    _failed_before = False

    def _begin(self, step: Step | None) -> None:
        if self._current is not None:
            result = self._watched.result()
            self._failed_before = self._failed_before or not result.ok
            self._ended(self._current, result)
        self._current = step
        self._watched = _Watched()
        if step is not None:
            self._waiting.remove(step)
            self._reporter.emit(StepChanged(step.name, StepStatus.RUNNING))

    def _task_event(self, kind: str, data: Mapping[str, Any], step: Step) -> None:
        task, watched = str(data.get("task", "")), self._watched
        if kind == "playbook_on_task_start":
            self._reporter.emit(TaskChanged(step.name, task))
        if kind not in ("runner_on_ok", "runner_on_failed", "runner_on_unreachable"):
            return
        result = data.get("res") or {}
        seconds = float(data.get("duration") or 0)
        changed = kind == "runner_on_ok" and bool(result.get("changed"))
        watched.changed += changed
        watched.seconds[task] = max(watched.seconds[task], seconds)
        host = str(data.get("host", "localhost"))
        if result.get("platform_milestone") and f"{step.component} {result['platform_milestone']}" == step.milestone:
            self._ended(Step(step.component, str(result["platform_milestone"]), step.hosts), watched.result())
        if isinstance(result.get("platform_report"), Mapping):
            watched.results[host].update(redact_all(result["platform_report"], self._redact))
        if kind != "runner_on_ok" and not data.get("ignore_errors"):
            watched.failures.append(_failure(host, task, result, kind, self._redact))
        self._reporter.emit(TaskEnded(step.name, task, host, seconds, changed))


def _failure(host: str, task: str, result: Mapping[str, Any], kind: str, redact: Redaction) -> TaskFailure:
    if result.get("censored"):
        return TaskFailure(
            host,
            task,
            "It failed; what it said is kept back because it may hold a secret. Run the task by hand to see it.",
        )
    message = str(result.get("msg") or result.get("stderr") or result)
    for item in result.get("results") or []:
        if item.get("failed"):
            message = str(item.get("msg") or message)
    reached = kind != "runner_on_unreachable"
    if not reached:
        message = f"The host does not answer: {message}"
    evidence = tuple(redact(str(line)) for line in result.get("evidence") or ())
    return TaskFailure(host, task, redact(message)[:_MOST_TEXT], evidence, reached)


def _last_words(folder: Path) -> str:
    for path in sorted(folder.glob("artifacts/*/stdout")):
        lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
        return "\n".join(lines[-15:])
    for path in sorted(folder.glob("artifacts/*/status")):
        return json.dumps(path.read_text())
    return "Ansible said nothing."
