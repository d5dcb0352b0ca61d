"""Remember what a host was like before the platform came, so that it can be so again."""

from __future__ import annotations

import base64
import contextlib
import grp
import json
import os
import pwd
import stat
from typing import Any

FOLDER = "/var/lib/platform"
_RECORD = f"{FOLDER}/originals.json"


class Record:
    """A small JSON file that is either the old one or the new one."""

    def __init__(self, path: str) -> None:
        """Read the record; an unreadable one is an empty one."""
        self._path = path
        try:
            with open(path, encoding="utf-8") as stream:
                self.content: dict[str, Any] = json.load(stream)
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
        self._files: dict[str, Any] = self._record.content.setdefault("files", {})
        self._folders: list[str] = self._record.content.setdefault("folders", [])

    def note(self, path: str, keep: bool = False, folder: bool = False) -> None:
        """Remember, before a path is written, which folders it lacks, and what it is when it shall be kept."""
        ways = [path, *self._above(path)] if folder else self._above(path)
        made = [name for name in ways if name not in self._folders and not os.path.lexists(name)]
        first = keep and path not in self._files
        if first:
            self._files[path] = _now(path)
        if made or first:
            self._folders += made
            self._record.save()

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
        self._files.pop(path, None)
        self._record.save()

    def clear_folders(self, path: str) -> None:
        """Delete the folders above a path that were made for such paths and are empty."""
        if not os.path.isdir(self._home):
            # The record went with everything else.
            self._files.clear()
            self._folders.clear()
            return
        gone = [path] if path in self._folders else []
        for folder in self._above(path):
            if folder not in self._folders:
                break
            if os.path.isdir(folder):
                if os.listdir(folder):
                    break
                os.rmdir(folder)
            gone.append(folder)
        if gone:
            self._record.content["folders"] = self._folders = [name for name in self._folders if name not in gone]
            self._record.save()

    def _above(self, path: str) -> list[str]:
        """Return the folders above a path, the nearest first; the record's own are not counted."""
        found = []
        while (path := os.path.dirname(path)) not in ("", "/", self._home):
            found.append(path)
        return found


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
