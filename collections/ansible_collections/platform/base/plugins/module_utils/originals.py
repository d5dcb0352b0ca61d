"""Remember what a host was like before the platform came, so that it can be so again."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import grp
import json
import os
import pwd
import stat
from collections.abc import Iterator
from typing import Any

FOLDER = "/var/lib/platform"
_RECORD = f"{FOLDER}/originals.json"


class Record:
    """A small JSON file that is either the old one or the new one."""

    def __init__(self, path: str) -> None:
        """Read the record; an unreadable one is an empty one."""
        self._path = path
        self.content: dict[str, Any] = {}
        self._read()

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Have the record as it is now, and for oneself; what is changed of it is written at the end.

        Components are deployed side by side, and each writes into the same records of a host.
        """
        with _alone(os.path.dirname(os.path.dirname(self._path))):
            self._read()
            before = _text(self.content)
            yield
            if _text(self.content) != before:
                self.save()

    def _read(self) -> None:
        try:
            with open(self._path, encoding="utf-8") as stream:
                self.content = json.load(stream)
        except (OSError, ValueError):
            self.content = {}

    def save(self) -> None:
        """Write the record; one with nothing in it goes."""
        if not any(self.content.values()):
            with contextlib.suppress(OSError):
                os.unlink(self._path)
                os.rmdir(os.path.dirname(self._path))
            return
        os.makedirs(os.path.dirname(self._path), mode=0o755, exist_ok=True)
        temporary = f"{self._path}.{os.getpid()}"
        descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(self.content, stream, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, self._path)


class Memory:
    """What paths were before, and which folders were made for them."""

    def __init__(self, path: str = _RECORD) -> None:
        """Read what is remembered."""
        self._home = os.path.dirname(path)
        self._record = Record(path)
        self._files: dict[str, Any] = {}
        self._folders: list[str] = []
        self._take()

    def note(self, path: str, keep: bool = False, folder: bool = False) -> None:
        """Remember, before a path is written, which folders it lacks, and what it is when it shall be kept."""
        ways = [path, *self._above(path)] if folder else self._above(path)
        if not self._lacking(ways) and not (keep and path not in self._files):
            return
        with self._changing():
            self._folders += self._lacking(ways)
            if keep and path not in self._files:
                self._files[path] = _now(path)

    def _lacking(self, folders: list[str]) -> list[str]:
        """Return which folders are not there, and were not made either as far as is known."""
        return [name for name in folders if name not in self._folders and not os.path.lexists(name)]

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        with self._record.changing():
            self._take()
            yield

    def _take(self) -> None:
        self._files = self._record.content.setdefault("files", {})
        self._folders = self._record.content.setdefault("folders", [])

    def knows(self, path: str) -> bool:
        """Return whether a path was changed that is to be as it was."""
        return path in self._files

    def before(self, path: str) -> tuple[bytes, int, str, str] | None:
        """Return a path's content, mode, owner and group as they were; None when nothing was there."""
        entry = self._files[path]
        if entry is None:
            return None
        return base64.b64decode(entry["content"]), entry["mode"], entry["owner"], entry["group"]

    def forget(self, path: str) -> None:
        """Forget a path that is as it was."""
        with self._changing():
            self._files.pop(path, None)

    def clear_folders(self, path: str) -> None:
        """Delete the folders above a path that were made for such paths and are empty."""
        if not os.path.isdir(self._home):
            # The record went with everything else.
            self._files.clear()
            self._folders.clear()
            return
        with self._changing():
            gone = [path] if path in self._folders else []
            for folder in self._above(path):
                if folder not in self._folders:
                    break
                if os.path.isdir(folder):
                    if os.listdir(folder):
                        break
                    os.rmdir(folder)
                gone.append(folder)
            self._folders[:] = [name for name in self._folders if name not in gone]

    def _above(self, path: str) -> list[str]:
        """Return the folders above a path, the nearest first; the record's own are not counted."""
        found = []
        while (path := os.path.dirname(path)) not in ("", "/", self._home):
            found.append(path)
        return found


@contextlib.contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Keep others out who come this way, until the end; a folder is locked, as a file of its own would stay behind."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _text(content: dict[str, Any]) -> str:
    """Return what tells whether a record changed; parts without anything are as good as none."""
    return json.dumps({name: part for name, part in content.items() if part}, sort_keys=True)


def _now(path: str) -> dict[str, Any] | None:
    """Return what a file is like; None for nothing."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    with open(path, "rb") as stream:
        content = base64.b64encode(stream.read()).decode()
    owner, group = pwd.getpwuid(state.st_uid).pw_name, grp.getgrgid(state.st_gid).gr_name
    return {"content": content, "mode": stat.S_IMODE(state.st_mode), "owner": owner, "group": group}
