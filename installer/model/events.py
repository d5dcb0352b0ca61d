"""What a run says while it works. A reporter turns events into a tree, plain lines or JSON."""

from __future__ import annotations

import enum
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """Anything worth telling."""


@dataclass(frozen=True)
class Notice(Event):
    """A sentence for the operator."""

    text: str


@dataclass(frozen=True)
class Warned(Event):
    """A sentence the operator should not miss; the run goes on."""

    text: str


@dataclass(frozen=True)
class PhaseStarted(Event):
    """A part of a workflow began: load, verify, preflight, plan, run, report."""

    name: str


@dataclass(frozen=True)
class Progress(Event):
    """How far long work is; `total` and `unit` are of the same measure.

    Attributes:
        work: what is being done, stable over the work's life.
        item: what is under way just now.
        done: finished so far.
        total: all there is, 0 while unknown.
        unit: `bytes` or a plural noun.
        items_done: finished so far, where `unit` is another measure.
        items: how many there are, 0 where they are not counted.
    """

    work: str
    item: str
    done: int
    total: int
    unit: str = "bytes"
    items_done: int = 0
    items: int = 0

    @property
    def finished(self) -> bool:
        """Return whether nothing is left."""
        return self.total > 0 and self.done >= self.total


class StepStatus(enum.Enum):
    """How one step of a plan ended, or that it runs."""

    RUNNING = "running"
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class RunPlanned(Event):
    """Steps are about to be taken.

    Attributes:
        command: what the operator asked for: install, verify, remove.
        steps: their names, `component verb`, in an order that can be gone.
    """

    command: str
    steps: tuple[str, ...]


@dataclass(frozen=True)
class RunEnded(Event):
    """No further step will be taken.

    Attributes:
        outcome: good, failed, or broken off.
    """

    outcome: str
    seconds: float
    changed: int


@dataclass(frozen=True)
class StepChanged(Event):
    """A step of the plan began or ended.

    Attributes:
        step: `component verb`.
        seconds: wall time since it began.
        changed: tasks that changed something, over all hosts.
    """

    step: str
    status: StepStatus
    seconds: float = 0.0
    changed: int = 0


@dataclass(frozen=True)
class TaskChanged(Event):
    """Ansible began a task of a step."""

    step: str
    task: str


@dataclass(frozen=True)
class TaskEnded(Event):
    """A task ended on one host; `seconds` is its wall time there."""

    step: str
    task: str
    host: str
    seconds: float
    changed: bool


@dataclass(frozen=True)
class StepFailed(Event):
    """A task failed on a host; a step may fail on several.

    Attributes:
        evidence: the tail of a unit's journal or a pod's log that explains it, when it is known already.
    """

    step: str
    host: str
    task: str
    message: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class StillRunning(Event):
    """A step has been silent for a while and works on.

    Attributes:
        seconds: wall time since the step began.
    """

    step: str
    task: str
    seconds: float
