"""One line an event, for files, pipes and dumb terminals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TextIO

from installer.cli.console import duration, size, stamped
from installer.model.events import (
    Event,
    Notice,
    PhaseStarted,
    Progress,
    RunEnded,
    RunPlanned,
    StepChanged,
    StepFailed,
    StepStatus,
    StillRunning,
    TaskEnded,
    Warned,
)

_PROGRESS_SECONDS = 5.0


class PlainLines:
    """Writes lines that begin with the seconds since the command began; progress at most every few seconds."""

    def __init__(self, stream: TextIO, verbose: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to `stream`; with `verbose`, every task too."""
        self._stream = stream
        self._guard = threading.Lock()
        self._lines = Lines(verbose, clock)
        self._clock = clock
        self._start = clock()

    def emit(self, event: Event) -> None:
        """Write the event down, if it is worth a line; a reader who has gone does not end the run."""
        with self._guard:
            text = self._lines.of(event)
            if not text:
                return
            try:
                self._stream.write(stamped(self._clock() - self._start, text) + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                return


class Lines:
    """Puts events into words."""

    def __init__(self, verbose: bool, clock: Callable[[], float]) -> None:
        """Tell of every task with `verbose`."""
        self._verbose = verbose
        self._clock = clock
        self._began: dict[str, tuple[float, int]] = {}
        self._told: dict[str, float] = {}

    def of(self, event: Event) -> str:
        """Return the words; empty when the event is not worth any."""
        match event:
            case Notice(text):
                return text
            case Warned(text):
                return f"WARNING {text}"
            case PhaseStarted(name):
                return f"== {name}"
            case Progress():
                return self._progress(event)
            case RunPlanned(command, steps):
                return f"{command}: {len(steps)} steps"
            case RunEnded(outcome, seconds, changed):
                return f"{outcome} after {duration(seconds)}, {changed} changed"
        return self._of_step(event)

    def _of_step(self, event: Event) -> str:
        match event:
            case StepChanged(step, StepStatus.RUNNING):
                return f"{step} …"
            case StepChanged(step, status, seconds, changed):
                return f"{step} {status.value} in {duration(seconds)}" + (f", {changed} changed" if changed else "")
            case StepFailed(step, host, task, message):
                told = "\n".join(f"  {line}" for line in message.splitlines())
                return f"FAILED {step}: {task}, on {host}:\n{told}"
            case StillRunning(step, task, seconds):
                return f"{step} works on since {duration(seconds)}" + (f": {task}" if task else "")
            case TaskEnded(step, task, host, seconds, changed) if self._verbose:
                return f"  {step}: {task} on {host} {seconds:.1f} s{' changed' if changed else ''}"
        return ""

    def _progress(self, event: Progress) -> str:
        now = self._clock()
        began, done = self._began.setdefault(event.work, (now, event.done))
        last = self._told.get(event.work, began)
        if now - last < _PROGRESS_SECONDS and not (event.finished and now - began > _PROGRESS_SECONDS):
            return ""
        self._told[event.work] = now
        rate = (event.done - done) / max(now - began, 0.001)
        done_of, speed = f"{_amount(event.done, event)} of {_amount(event.total, event)}", _amount(int(rate), event)
        counted = f"{event.items_done} of {event.items} items, " if event.items else ""
        return f"{event.work}: {done_of}, {counted}{speed}/s  {event.item}"


def _amount(value: int, event: Progress) -> str:
    return size(value) if event.unit == "bytes" else f"{value} {event.unit}"
