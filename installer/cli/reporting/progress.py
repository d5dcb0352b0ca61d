"""Where a run stands, gathered from its events."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from installer.model.events import Event, RunPlanned, StepChanged, StepStatus, TaskChanged, TaskEnded


@dataclass(frozen=True)
class StepProgress:
    """Where one step stands.

    Attributes:
        status: None while it waits.
        began: on the run's clock.
        seconds: wall time when it ended.
        task: the task under way.
        slowest: its slowest task so far, and that task's seconds.
    """

    name: str
    status: StepStatus | None = None
    began: float = 0.0
    seconds: float = 0.0
    changed: int = 0
    task: str = ""
    task_began: float = 0.0
    slowest: tuple[str, float] = ("", 0.0)

    @property
    def component(self) -> str:
        """Return the component's name."""
        return self.name.rpartition(" ")[0]

    @property
    def verb(self) -> str:
        """Return the verb."""
        return self.name.rpartition(" ")[2]


class RunProgress:
    """Takes events from several threads, and knows every step."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Measure with `clock`."""
        self._clock = clock
        self._guard = threading.Lock()
        self._steps: dict[str, StepProgress] = {}
        self.command = ""
        self.began = clock()

    def take(self, event: Event) -> None:
        """Take one event."""
        with self._guard:
            match event:
                case RunPlanned(command, steps):
                    self.command, self.began = command, self._clock()
                    self._steps = {name: StepProgress(name) for name in steps}
                case StepChanged(name, StepStatus.RUNNING):
                    self._change(name, status=StepStatus.RUNNING, began=self._clock())
                case StepChanged(name, status, seconds, changed):
                    self._change(name, status=status, seconds=seconds, changed=changed, task="")
                case TaskChanged(name, task):
                    self._change(name, task=task, task_began=self._clock())
                case TaskEnded(name, task, _, seconds):
                    self._slowest(name, task, seconds)

    def steps(self) -> tuple[StepProgress, ...]:
        """Return every step, in the plan's order."""
        with self._guard:
            return tuple(self._steps.values())

    def running(self) -> tuple[StepProgress, ...]:
        """Return the steps that work."""
        return tuple(step for step in self.steps() if step.status is StepStatus.RUNNING)

    def slowest(self) -> tuple[str, str, float]:
        """Return the step, name and seconds of the slowest task that has ended."""
        steps = self.steps()
        if not steps:
            return ("", "", 0.0)
        step = max(steps, key=lambda step: step.slowest[1])
        return (step.name, *step.slowest)

    def _change(self, name: str, **values: object) -> None:
        known = self._steps.get(name, StepProgress(name))
        self._steps[name] = replace(known, **values)  # type: ignore[arg-type]

    def _slowest(self, name: str, task: str, seconds: float) -> None:
        known = self._steps.get(name, StepProgress(name))
        if seconds > known.slowest[1]:
            self._change(name, slowest=(task, seconds))
