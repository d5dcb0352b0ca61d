"""Reporters: plain lines, a live view on a terminal, JSON lines."""

from __future__ import annotations

import dataclasses
import enum
import json
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, TextIO

from installer.model.events import (
    Event,
    Notice,
    PhaseStarted,
    Progress,
    StepChanged,
    StepStatus,
    TaskEnded,
    Warned,
)

_PROGRESS_SECONDS = 5.0


class PlainReporter:
    """One line an event on stderr; progress at most every few seconds."""

    def __init__(self, stream: TextIO | None = None, verbose: bool = False) -> None:
        """Write to `stream`; with `verbose`, every task too."""
        self._stream = stream or sys.stderr
        self._verbose = verbose
        self._guard = threading.Lock()
        self._began: dict[str, tuple[float, int]] = {}
        self._told: dict[str, float] = {}
        self._start = time.monotonic()

    def emit(self, event: Event) -> None:
        """Write the event down, if it is worth a line."""
        with self._guard:
            line = self._line(event)
            if line:
                self._stream.write(f"{time.monotonic() - self._start:7.1f}s  {line}\n")
                self._stream.flush()

    def _line(self, event: Event) -> str:
        match event:
            case Notice(text):
                return text
            case Warned(text):
                return f"WARNING {text}"
            case PhaseStarted(name):
                return f"== {name}"
            case Progress():
                return self._progress(event)
            case StepChanged(step, StepStatus.RUNNING):
                return f"{step} …"
            case StepChanged(step, status, seconds, changed):
                return f"{step} {status.value} in {seconds:.1f} s" + (f", {changed} changed" if changed else "")
            case TaskEnded(step, task, host, seconds, changed) if self._verbose:
                return f"  {step}: {task} on {host} {seconds:.1f} s{' changed' if changed else ''}"
        return ""

    def _progress(self, event: Progress) -> str:
        now = time.monotonic()
        began, done = self._began.setdefault(event.work, (now, event.done))
        last = self._told.get(event.work, began)
        if now - last < _PROGRESS_SECONDS and not (event.finished and now - began > _PROGRESS_SECONDS):
            return ""
        self._told[event.work] = now
        rate = (event.done - done) / max(now - began, 0.001)
        return f"{event.work}: {_amount(event.done, event)} of {_amount(event.total, event)}, {_amount(int(rate), event)}/s  {event.item}"


class JsonReporter:
    """One JSON document a line on stderr, for programs."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to `stream`."""
        self._stream = stream or sys.stderr
        self._guard = threading.Lock()

    def emit(self, event: Event) -> None:
        """Write the event down."""
        document = {"event": type(event).__name__, **plain(event)}
        with self._guard:
            self._stream.write(json.dumps(document) + "\n")
            self._stream.flush()


def plain(value: Any) -> Any:
    """Return a value of the model as plain data for JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(entry) for entry in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows in columns as wide as their widest cell."""
    cells = [list(map(str, row)) for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def size(amount: int) -> str:
    """Return bytes as a person reads them."""
    value = float(amount)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return ""


def _amount(value: int, event: Progress) -> str:
    return size(value) if event.unit == "bytes" else f"{value} {event.unit}"
