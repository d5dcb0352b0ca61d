"""Record every administrative act in a file whose lines hang on each other."""

from __future__ import annotations

import getpass
import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from inference_gateway.owned_files import alone

BEGINNING = "0" * 64


class AuditBroken(Exception):
    """A line was changed, taken out or put in."""


def record_act(path: Path, act: str, **details: Any) -> dict[str, Any]:
    """Append an act; each line holds the digest of the one before, so that none can be lost unseen."""
    with alone(path):
        last = BEGINNING
        for line in _lines(path):
            last = hashlib.sha256(line).hexdigest()
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "by": _operator(),
            "act": act,
            **details,
            "previous": last,
        }
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(orjson.dumps(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    return entry


def verify(path: Path) -> tuple[int, str]:
    """Return how many acts are recorded, and the digest of the last: compare it with one noted elsewhere.

    Raises:
        AuditBroken: naming the line.
    """
    last, count = BEGINNING, 0
    for count, line in enumerate(_lines(path), 1):
        try:
            previous = orjson.loads(line)["previous"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise AuditBroken(f"{path}:{count} is no record of an act.") from error
        if previous != last:
            raise AuditBroken(f"{path}:{count} does not follow the line before: a line was changed, added or removed.")
        last = hashlib.sha256(line).hexdigest()
    return count, last


def _lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            yield from (line.rstrip(b"\n") for line in file)


def _operator() -> str:
    # In a container the user has a number and often no name.
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
