"""The lines of an audit log: each holds the digest of the line before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

# What the first line holds, before which there is none.
GENESIS = "0" * 64


@dataclass(frozen=True)
class Break:
    """The first line that is not what was written.

    Attributes:
        line: its number, from 1.
        expected: the digest that was written down of it.
        found: the digest it has; empty when it is not there.
        why: what may have become of it, in words.
    """

    line: int
    expected: str
    found: str
    why: str


@dataclass(frozen=True)
class Verdict:
    """What a log is like.

    Attributes:
        lines: how many are whole.
        digest: of the last of them.
        broken: where it is not what was written; None when it is.
        torn: bytes of a line at its end that was cut off.
    """

    lines: int
    digest: str
    broken: Break | None
    torn: int

    def told(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def digest(line: bytes) -> str:
    """Return the digest of a line, without the sign that ends it."""
    return hashlib.sha256(line).hexdigest()


def split(content: bytes) -> tuple[list[bytes], bytes]:
    """Return the lines of a log, and what stands behind the last that is whole."""
    *lines, torn = content.split(b"\n")
    return lines, torn


def parsed(line: bytes) -> dict[str, Any] | None:
    """Return the entry of a line; None when it is none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("previous"), str) else None


def parsed_head(content: bytes) -> tuple[int, str] | None:
    """Return the number and digest of the last line, as they were written down; None when they were not."""
    number, _, found = content.decode(errors="replace").strip().partition(" ")
    return (int(number), found) if number.isdecimal() and found else None


def judged(content: bytes, head: tuple[int, str] | None) -> Verdict:
    """Return what a log is like.

    Args:
        content: all of it.
        head: the number and digest of its last line, as they were written down.
    """
    lines, torn = split(content)
    broken = _first_break(lines, head)
    return Verdict(len(lines), digest(lines[-1]) if lines else GENESIS, broken, len(torn))


def _first_break(lines: Sequence[bytes], head: tuple[int, str] | None) -> Break | None:
    told = [(parsed(line) or {}).get("previous", "") for line in lines]
    for number, line in enumerate(lines, 1):
        successor = told[number] if number < len(lines) else ""
        if not told[number - 1]:
            return Break(number, successor, digest(line), "it is no entry of this log")
        if number == 1 and told[0] != GENESIS:
            return Break(1, GENESIS, told[0], "it does not say that it is the first: what stood before it is gone")
        if successor and successor != digest(line):
            return Break(number, successor, digest(line), "it was changed, or what stood after it is gone")
    if head is None or fits(head, lines):
        return None
    number, expected = head
    if number > len(lines):
        return Break(number, expected, "", f"it is gone: the log ends after line {len(lines)}")
    return Break(number, expected, digest(lines[number - 1]), "it was changed")


def fits(head: tuple[int, str], lines: Sequence[bytes]) -> bool:
    """Return whether a head is of these lines; power may have gone before it told of the last one."""
    number, expected = head
    return 0 < number <= len(lines) and digest(lines[number - 1]) == expected
