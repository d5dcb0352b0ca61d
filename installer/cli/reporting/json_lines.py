"""One JSON document a line, for programs. docs/operations/json-output.md describes them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from installer.cli.console import plain
from installer.model.events import Event
from installer.ports import Clock


class JsonLines:
    """Writes each event down as it comes."""

    def __init__(self, stream: TextIO, clock: Clock = lambda: datetime.now(UTC)) -> None:
        """Write to `stream`."""
        self._stream = stream
        self._clock = clock
        self._guard = threading.Lock()

    def emit(self, event: Event) -> None:
        """Write the event down; a reader who has gone does not end the run."""
        time = self._clock().isoformat(timespec="milliseconds")
        document = {"event": event_name(type(event)), "time": time, **plain(event)}
        with self._guard:
            try:
                self._stream.write(json.dumps(document) + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                return


def event_name(kind: type[Event]) -> str:
    """Return an event's name in documents: `step_changed` for StepChanged."""
    lower: Callable[[re.Match[str]], str] = lambda match: "_" + match.group(0).lower()  # noqa: E731
    return re.sub("[A-Z]", lower, kind.__name__).lstrip("_")
