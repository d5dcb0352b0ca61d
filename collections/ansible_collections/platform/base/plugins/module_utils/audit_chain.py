"""A log that only grows, and shows whatever became of its lines otherwise."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.audit_lines import (
    GENESIS,
    Verdict,
    digest,
    fits,
    judged,
    parsed,
    parsed_head,
    split,
)
from ansible_collections.platform.base.plugins.module_utils.moments import as_moment
from ansible_collections.platform.base.plugins.module_utils.whole_files import replace_file

_LOCK_SECONDS, _PAUSE = 30.0, 0.1


class AuditFailed(Exception):
    """The log cannot be written or read."""


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
            content = _read_file(self.path)
            lines, torn = split(content)
            note = [entry["note"]] if entry.get("note") else []
            if torn:
                note.append(self._set_aside(len(content) - len(torn), len(lines), torn))
            record = {
                "time": as_moment(self._now()), **entry, "note": " ".join(note), "previous": self._last_digest(lines),
            }  # fmt: skip
            line = json.dumps(record).encode()
            self._write(line + b"\n")
            _replace_file(self._head, f"{len(lines) + 1} {digest(line)}\n".encode())
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
                content, head = _read_file(self.path), parsed_head(_read_file(self._head))
        except OSError as error:
            raise AuditFailed(f"{self.path} cannot be read: {error}.") from error
        entries = [entry for line in split(content)[0] if (entry := parsed(line)) is not None]
        return entries, judged(content, head)

    def judged(self) -> Verdict:
        """Return what the log is like; whoever calls has the log to himself.

        Raises:
            AuditFailed: it cannot be read.
        """
        try:
            return judged(_read_file(self.path), parsed_head(_read_file(self._head)))
        except OSError as error:
            raise AuditFailed(f"{self.path} cannot be read: {error}.") from error

    def known(self) -> list[dict[str, Any]]:
        """Return the entries that can be read; whoever calls has the log to himself.

        Raises:
            AuditFailed: it cannot be read.
        """
        try:
            lines, _ = split(_read_file(self.path))
        except OSError as error:
            raise AuditFailed(f"{self.path} cannot be read: {error}.") from error
        return [entry for line in lines if (entry := parsed(line)) is not None]

    def copied(self) -> tuple[bytes, bytes]:
        """Return the log and what lies beside it, as they are; nothing where there is no log.

        Raises:
            AuditFailed: somebody writes for too long.
        """
        if not os.path.isdir(self._folder):
            return b"", b""
        with self._locked(fcntl.LOCK_SH, _LOCK_SECONDS):
            return _read_file(self.path), _read_file(self._head)

    def put_back(self, content: bytes, head: bytes, entry: Mapping[str, str]) -> bool:
        """Have a log be here that was copied, and return whether it was not; whoever calls has the log to himself.

        One that goes on from the copy stays. Any other is kept aside, and a line says so.

        Raises:
            AuditFailed: it cannot be written.
        """
        now, note = _read_file(self.path), ""
        if now.startswith(content):
            return False
        try:
            if now:
                aside = f"{self.path}.before-{self._moment()}"
                _replace_file(aside, now)
                note = f"What was here is kept in {aside}."
            # The log comes last: as long as it is another, all of this is done again.
            _replace_file(self._head, head)
            _replace_file(self.path, content)
        except OSError as error:
            raise AuditFailed(f"{self.path} cannot be written: {error}.") from error
        self.append({**entry, "note": note})
        return True

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
        head = parsed_head(_read_file(self._head))
        if head is not None and not fits(head, lines):
            return head[1]
        return digest(lines[-1]) if lines else GENESIS

    def _moment(self) -> str:
        return as_moment(self._now()).replace(":", "").replace("-", "")

    def _set_aside(self, whole: int, number: int, torn: bytes) -> str:
        """Keep a line that was cut off elsewhere, and return the note of it."""
        place = f"{self.path}.torn-{self._moment()}"
        _replace_file(place, torn)
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


def _read_file(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return b""


def _replace_file(path: str, content: bytes) -> None:
    """Write a file, whole or not at all, and its name as well."""
    replace_file(path, content)
    _sync_folder(os.path.dirname(path))


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
