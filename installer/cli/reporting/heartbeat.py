"""Says now and then that a long step is still at work, so that nobody thinks that it hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from installer.cli.reporting.progress import RunProgress
from installer.model.events import Event, RunEnded, RunPlanned, StillRunning
from installer.ports import Reporter

_SECONDS = 30.0


class Heartbeat:
    """Hands events on to a reporter, and adds one for each step that has been silent for long."""

    def __init__(
        self, reporter: Reporter, seconds: float = _SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Speak up for a step each `seconds`."""
        self._reporter = reporter
        self._seconds = seconds
        self._clock = clock
        self._progress = RunProgress(clock)
        self._told: dict[str, float] = {}
        self._over = threading.Event()

    def emit(self, event: Event) -> None:
        """Hand the event on."""
        self._progress.take(event)
        self._reporter.emit(event)
        if isinstance(event, RunPlanned):
            self._over = threading.Event()
            threading.Thread(target=self._watch, args=(self._over,), name="heartbeat", daemon=True).start()
        elif isinstance(event, RunEnded):
            self._over.set()

    def beat(self) -> None:
        """Tell of every step that works and was not told of for long."""
        now = self._clock()
        for step in self._progress.running():
            last = max(self._told.get(step.name, 0.0), step.began)
            if now - last >= self._seconds:
                self._told[step.name] = now
                self._reporter.emit(StillRunning(step.name, step.task, now - step.began))

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(1.0):
            self.beat()
