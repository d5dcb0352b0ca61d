"""Turns what one process of Ansible tells into the results of its steps."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from installer.adapters.ansible_plays import TOGETHER
from installer.engine.redaction import Redaction, redact_all
from installer.model.events import StepChanged, StepStatus, TaskChanged, TaskEnded
from installer.model.plan import Job, Step, StepResult, TaskFailure, TaskTime
from installer.ports import Reporter, StepEnded

_SLOWEST = 5
_MOST_TEXT = 4000
# All that the modules which run commands say of one that failed.
_OF_COMMANDS = "non-zero return code"
_ENDS = ("runner_on_ok", "runner_on_failed", "runner_on_unreachable")
# Of a result that is kept back, the record has only what Ansible prints of it, and of each item of a loop.
_ITEM, _PRINTED_CHANGED = "runner_item_on_ok", "changed: ["


@dataclass
class _Watched:
    """What the events of one step have told so far.

    Attributes:
        took: seconds of the slowest host, where the step shared its play with others.
    """

    began: float = field(default_factory=time.monotonic)
    took: float | None = None
    changed: int = 0
    failures: list[TaskFailure] = field(default_factory=list)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    results: defaultdict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))

    def result(self) -> StepResult:
        slowest = sorted(self.seconds.items(), key=lambda entry: -entry[1])[:_SLOWEST]
        return StepResult(
            ok=not self.failures,
            changed=self.changed,
            seconds=time.monotonic() - self.began if self.took is None else self.took,
            failures=tuple(self.failures),
            slowest=tuple(TaskTime(name, seconds) for name, seconds in slowest),
            results=dict(self.results),
        )


class RunWatch:
    """Watches one run: each play is a step, but for the one that stands for several."""

    def __init__(
        self, job: Job, together: Sequence[Step], ended: StepEnded, reporter: Reporter, redact: Redaction
    ) -> None:
        """Tell `ended` and `reporter` what becomes of a job's steps.

        Args:
            together: steps of the job that share one play.
            redact: hides secrets in what modules said.
        """
        self._redact = redact
        self._ended = ended
        self._reporter = reporter
        self._waiting = list(job.steps)
        self._by_play: dict[str, tuple[Step, ...]] = {TOGETHER: tuple(together)}
        self._by_play.update({f"{s.component}: {s.verb}": (s,) for s in job.steps if s not in together})
        self._current: tuple[Step, ...] = ()
        self._watched: dict[str, _Watched] = {}
        self._untold: tuple[Step, ...] = ()
        self._failed_before = False
        self._changed_items: set[tuple[str, str]] = set()

    def event(self, event: Mapping[str, Any]) -> bool:
        """Take one event, and return whether its record is to be kept: it is not, for it may hold a secret."""
        data = event.get("event_data") or {}
        kind = event.get("event")
        if kind == "playbook_on_play_start":
            self._begin(self._by_play.get(str(data.get("play")), ()))
        elif kind == "playbook_on_task_start":
            for step in self._current:
                self._reporter.emit(TaskChanged(step.name, str(data.get("task", ""))))
        elif kind == _ITEM and _PRINTED_CHANGED in str(event.get("stdout")):
            self._changed_items.add(_place(data))
        elif kind in _ENDS:
            self._task_ended(str(kind), _with_kept_back_change(event, data, _place(data) in self._changed_items))
        return False

    def close(self, last_words: str) -> tuple[Step, ...]:
        """End the step under way, and return those whose play left their outcome open.

        What never began because of a failure stays untold.
        """
        if not self._current and self._waiting and last_words:
            self._watched = {}
            self._current = (self._waiting.pop(0),)
        known = self._failed_before or self._untold or any(self._of(step).failures for step in self._current)
        if last_words and not known:
            for step in self._current:
                self._of(step).failures.append(TaskFailure("localhost", "run Ansible", self._redact(last_words)))
        self._begin(())
        return self._untold

    def _begin(self, steps: tuple[Step, ...]) -> None:
        for step in self._current:
            if step not in self._untold:
                result = self._of(step).result()
                self._failed_before = self._failed_before or not result.ok
                self._ended(step, result)
        self._current, self._watched = steps, {}
        for step in steps:
            self._of(step)
            self._waiting.remove(step)
            self._reporter.emit(StepChanged(step.name, StepStatus.RUNNING))

    def _of(self, step: Step) -> _Watched:
        return self._watched.setdefault(step.name, _Watched())

    def _task_ended(self, kind: str, data: Mapping[str, Any]) -> None:
        result = data.get("res") or {}
        if len(self._current) > 1 and not isinstance(result.get("components"), Mapping):
            self._untold = self._current
            return
        if len(self._current) == 1:
            self._step_told(self._current[0], kind, data, result)
            return
        for step in self._current:
            if (part := result.get("components", {}).get(step.component)) is not None:
                self._share_told(step, data, part)

    def _share_told(self, step: Step, data: Mapping[str, Any], part: Mapping[str, Any]) -> None:
        """Take what a shared task says of one step as if a task of its own had said it."""
        watched, problems, seconds = self._of(step), part["problems"], float(part["seconds"])
        watched.took = max(watched.took or 0.0, seconds)
        result = {
            "msg": "\n".join(problems), "platform_report": part["platform_report"], "bare": part.get("bare", False)
        }  # fmt: skip
        kind = "runner_on_failed" if problems else "runner_on_ok"
        self._step_told(step, kind, {**data, "duration": seconds}, result)

    def _step_told(self, step: Step, kind: str, data: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        task, host, watched = str(data.get("task", "")), str(data.get("host", "localhost")), self._of(step)
        seconds, good = float(data.get("duration") or 0), kind == "runner_on_ok"
        changed = good and bool(result.get("changed"))
        watched.changed += changed
        watched.seconds[task] = max(watched.seconds[task], seconds)
        if result.get("platform_milestone") and f"{step.component} {result['platform_milestone']}" == step.milestone:
            self._ended(Step(step.component, str(result["platform_milestone"]), step.hosts), watched.result())
        if isinstance(result.get("platform_report"), Mapping):
            watched.results[host].update(redact_all(result["platform_report"], self._redact))
        if not good and not data.get("ignore_errors"):
            watched.failures.append(_failure(host, task, result, kind, self._redact))
        self._reporter.emit(TaskEnded(step.name, task, host, seconds, changed))


def _place(data: Mapping[str, Any]) -> tuple[str, str]:
    return str(data.get("task_uuid")), str(data.get("host"))


def _with_kept_back_change(
    event: Mapping[str, Any], data: Mapping[str, Any], an_item_changed: bool
) -> Mapping[str, Any]:
    """Return an event's data, with whether something changed although the rest of the result is kept back."""
    result = data.get("res") or {}
    if not result.get("censored"):
        return data
    changed = an_item_changed or _PRINTED_CHANGED in str(event.get("stdout"))
    return {**data, "res": {**result, "changed": changed}}


def _failure(host: str, task: str, result: Mapping[str, Any], kind: str, redact: Redaction) -> TaskFailure:
    if result.get("censored"):
        return TaskFailure(
            host,
            task,
            "It failed; what it said is kept back because it may hold a secret. Run the task by hand to see it.",
        )
    message = str(result.get("msg") or result.get("stderr") or result)
    if message == _OF_COMMANDS and result.get("stderr"):
        message = f"`{_command(result.get('cmd'))}` ended with {result.get('rc')}: {result['stderr']}"
    for item in result.get("results") or []:
        if item.get("failed"):
            message = str(item.get("msg") or message)
    reached = kind != "runner_on_unreachable"
    if not reached:
        message = f"The host does not answer: {message}"
    evidence = tuple(redact(str(line)) for line in result.get("evidence") or ())
    return TaskFailure(host, task, redact(message)[:_MOST_TEXT], evidence, reached, bool(result.get("bare")))


def _command(arguments: object) -> str:
    return " ".join(map(str, arguments)) if isinstance(arguments, list) else str(arguments)
