"""A log that only grows: each line holds the digest of the line before it, so that a change of the past shows."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.moments import as_moment

# What the first line holds, before which there is none.
GENESIS = "0" * 64
_LOCK_SECONDS, _PAUSE = 30.0, 0.1


class AuditFailed(Exception):
    """The log cannot be written or read."""


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


class AuditLog:
    """A log in a folder of its own, that several processes may write to.

    Beside it, `NAME.head` has the number and digest of its last line: lines taken off its end show too.

    Args:
        path: the log.
        now: tells the time, in seconds since 1970.
    """

    def __init__(self, path: str, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._head = f"{path}.head"
        self._folder = os.path.dirname(path)
        self._now = now

    @contextlib.contextmanager
    def to_oneself(self, seconds: float = _LOCK_SECONDS) -> Iterator[None]:
        """Return a context in which nobody else writes.

        Raises:
            AuditFailed: somebody did for too long, or the folder cannot be made.
        """
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
        except OSError as error:
            raise AuditFailed(f"{self._folder} cannot be made: {error}.") from error
        with self._locked(fcntl.LOCK_EX, seconds):
            yield

    def append(self, entry: Mapping[str, str]) -> dict[str, str]:
        """Write a line, on the disk when this returns; whoever calls has the log to himself.

        A line before it that was cut off is kept aside, and the new one notes it.

        Raises:
            AuditFailed: it cannot be written.
        """
        try:
            content = _read(self.path)
            lines, torn = split(content)
            note = [entry["note"]] if entry.get("note") else []
            if torn:
                note.append(self._set_aside(len(content) - len(torn), len(lines), torn))
            record = {
                "time": as_moment(self._now()), **entry, "note": " ".join(note), "previous": self._last_digest(lines),
            }  # fmt: skip
            line = json.dumps(record).encode()
            self._write(line + b"\n")
            _replace(self._head, f"{len(lines) + 1} {digest(line)}\n".encode())
        except OSError as error:
            raise AuditFailed(f"{self.path} cannot be written: {error}.") from error
        return record

    def read(self) -> tuple[list[dict[str, Any]], Verdict]:
        """Return the entries that can be read, and what the log is like; none where there is no log.

        Raises:
            AuditFailed: it cannot be read.
        """
        if not os.path.isdir(self._folder):
            return [], judged(b"", None)
        try:
            with self._locked(fcntl.LOCK_SH, _LOCK_SECONDS):
                content, head = _read(self.path), parsed_head(_read(self._head))
        except OSError as error:
            raise AuditFailed(f"{self.path} cannot be read: {error}.") from error
        entries = [entry for line in split(content)[0] if (entry := parsed(line)) is not None]
        return entries, judged(content, head)

    @contextlib.contextmanager
    def _locked(self, kind: int, seconds: float) -> Iterator[None]:
        """Hold the folder: the log in it may be replaced."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            end = time.monotonic() + seconds
            while True:
                try:
                    fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= end:
                        raise AuditFailed(
                            f"Another process works with {self.path} for more than {seconds:.0f} s."
                            f" Find it with `fuser -v {self._folder}`."
                        ) from None
                    time.sleep(_PAUSE)
            yield
        finally:
            os.close(descriptor)

    def _last_digest(self, lines: Sequence[bytes]) -> str:
        """Return the digest that a new line holds: that of the last line as it was written, not as it may be now."""
        head = parsed_head(_read(self._head))
        if head is not None and not _fits(head, lines):
            return head[1]
        return digest(lines[-1]) if lines else GENESIS

    def _set_aside(self, whole: int, number: int, torn: bytes) -> str:
        """Keep a line that was cut off elsewhere, and return the note of it."""
        place = f"{self.path}.torn-{as_moment(self._now()).replace(':', '').replace('-', '')}"
        _replace(place, torn)
        os.truncate(self.path, whole)
        return f"A line after line {number} was cut off; its {len(torn)} bytes are kept in {place}."

    def _write(self, data: bytes) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            try:
                if os.write(descriptor, data) != len(data):
                    raise OSError("no space is left for the whole line")
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        _sync_folder(self._folder)


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
    if head is None or _fits(head, lines):
        return None
    number, expected = head
    if number > len(lines):
        return Break(number, expected, "", f"it is gone: the log ends after line {len(lines)}")
    return Break(number, expected, digest(lines[number - 1]), "it was changed")


def _fits(head: tuple[int, str], lines: Sequence[bytes]) -> bool:
    """Return whether a head is of these lines; power may have gone before it told of the last one."""
    number, expected = head
    return 0 < number <= len(lines) and digest(lines[number - 1]) == expected


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return b""


def _replace(path: str, content: bytes) -> None:
    """Write a file, whole or not at all."""
    temporary = f"{path}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)
    _sync_folder(os.path.dirname(path))


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
