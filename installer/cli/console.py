"""How values look on paper: plain data for JSON, tables, sizes, times, lines of a log."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Any

PROGRAM = "platform-install"


def plain(value: Any) -> Any:
    """Return a value of the model as plain data for JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
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


def duration(seconds: float) -> str:
    """Return a time as a person reads it: 4.2 s, 3 min 07 s, 1 h 02 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def stamped(seconds: float, text: str) -> str:
    """Return the lines of an event, the first with its time since the command began."""
    first, *rest = text.splitlines()
    return "\n".join([f"{seconds:7.1f}s  {first}", *(f"{'':10}{line}" for line in rest)])
