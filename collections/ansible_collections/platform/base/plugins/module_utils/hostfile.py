"""Write a file so that it is either the old one or the new one, and say whether it changed."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Any

from ansible_collections.platform.base.plugins.module_utils import originals

OPTIONS = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str"},
    "from_file": {"type": "path"},
    "link": {"type": "str"},
    "state": {"type": "str", "choices": ["file", "directory", "absent", "original"], "default": "file"},
    "mode": {"type": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "validate": {"type": "str"},
    "replace": {"type": "bool", "default": True},
    "keep": {"type": "bool", "default": False},
}


@dataclass(frozen=True)
class Wanted:
    """What a path shall be.

    Attributes:
        content: bytes of a regular file; None for another kind, or to leave content alone.
        link: target of a symbolic link.
        directory: the path is a folder.
        absent: nothing shall be there.
    """

    path: str
    content: bytes | None = None
    link: str | None = None
    directory: bool = False
    absent: bool = False
    mode: int | None = None
    owner: str = "root"
    group: str = "root"


def difference(wanted: Wanted) -> str:
    """Return in a word what differs from the path as it is, or an empty text."""
    exists = os.path.lexists(wanted.path)
    if wanted.absent:
        # A disk that is mounted there is nobody's to take away: it is emptied.
        gone = not exists or (os.path.ismount(wanted.path) and not os.listdir(wanted.path))
        return "" if gone else "present"
    if not exists:
        return "absent"
    state = os.lstat(wanted.path)
    if wanted.link is not None:
        return "" if stat.S_ISLNK(state.st_mode) and os.readlink(wanted.path) == wanted.link else "link"
    if wanted.directory != stat.S_ISDIR(state.st_mode) or (not wanted.directory and not stat.S_ISREG(state.st_mode)):
        return "kind"
    if wanted.content is not None and _read(wanted.path) != wanted.content:
        return "content"
    if wanted.mode is not None and stat.S_IMODE(state.st_mode) != wanted.mode:
        return "mode"
    if (state.st_uid, state.st_gid) != _identity(wanted):
        return "owner"
    return ""


def apply(wanted: Wanted) -> None:
    """Make the path what is wanted."""
    if wanted.absent:
        _remove(wanted.path)
        return
    os.makedirs(os.path.dirname(wanted.path) or "/", exist_ok=True)
    if wanted.link is not None:
        _replace_link(wanted)
        return
    if wanted.directory:
        os.makedirs(wanted.path, exist_ok=True)
        _own(wanted.path, wanted)
        return
    if wanted.content is None:
        _own(wanted.path, wanted)
        return
    temporary = stage(wanted)
    os.replace(temporary, wanted.path)


def stage(wanted: Wanted) -> str:
    """Write the content beside the path, owned and synced, and return the temporary name."""
    folder = os.path.dirname(wanted.path) or "/"
    os.makedirs(folder, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".platform-")
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(wanted.content or b"")
        stream.flush()
        os.fsync(stream.fileno())
    _own(temporary, wanted)
    return temporary


def _own(path: str, wanted: Wanted) -> None:
    os.chown(path, *_identity(wanted))
    if wanted.mode is not None:
        os.chmod(path, wanted.mode)


def _identity(wanted: Wanted) -> tuple[int, int]:
    return pwd.getpwnam(wanted.owner).pw_uid, grp.getgrnam(wanted.group).gr_gid


def _replace_link(wanted: Wanted) -> None:
    temporary = f"{wanted.path}.platform-new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(wanted.link or "", temporary)
    os.replace(temporary, wanted.path)


def _remove(path: str) -> None:
    """Delete whatever is there; a mounted disk is emptied."""
    if os.path.isdir(path) and not os.path.islink(path):
        for name in os.listdir(path):
            _remove(os.path.join(path, name))
        if not os.path.ismount(path):
            os.rmdir(path)
    elif os.path.lexists(path):
        os.unlink(path)


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


class FileRefused(Exception):
    """The program a file is for does not accept it, or it cannot be put in place."""


def bring(entries: list[dict[str, Any]], wet: bool) -> list[str]:
    """Put files in place, and return the paths that were changed or would be."""
    changed = []
    memory = originals.Memory()
    for entry in entries:
        try:
            if entry["state"] == "original":
                changed += _give_back(entry["path"], memory, wet)
                continue
            if not entry["replace"] and os.path.lexists(entry["path"]):
                continue
            wanted = wanted_of(entry)
            if not difference(wanted):
                continue
            changed.append(wanted.path)
            if wet:
                _bring_one(entry, wanted, memory)
        except (OSError, KeyError) as error:
            if wet:
                raise FileRefused(f"{entry['path']} could not be put in place: {error}") from error
            # An owner or a source that an earlier task would bring.
            changed.append(entry["path"])
    return changed


def _bring_one(entry: dict[str, Any], wanted: Wanted, memory: originals.Memory) -> None:
    if entry["validate"]:
        _judge(wanted, entry["validate"])
    if not wanted.absent:
        memory.note(wanted.path, keep=entry["keep"], folder=wanted.directory)
    apply(wanted)
    if wanted.absent:
        memory.clear_folders(wanted.path)


def _give_back(path: str, memory: originals.Memory, wet: bool) -> list[str]:
    """Put back what was there before; what was never touched stays as it is."""
    if not memory.knows(path):
        return []
    if wet:
        before = memory.before(path)
        if before is None:
            _remove(path)
        else:
            content, mode, owner, group = before
            apply(Wanted(path, content=content, mode=mode, owner=owner, group=group))
        memory.forget(path)
        memory.clear_folders(path)
    return [path]


def wanted_of(entry: dict[str, Any]) -> Wanted:
    """Return what one entry asks for."""
    content = None
    if entry["from_file"] is not None:
        content = _read(entry["from_file"])
    elif entry["content"] is not None:
        content = entry["content"].encode()
    return Wanted(
        path=entry["path"],
        content=content,
        link=entry["link"],
        directory=entry["state"] == "directory",
        absent=entry["state"] == "absent",
        mode=int(entry["mode"], 8) if entry["mode"] else None,
        owner=entry["owner"],
        group=entry["group"],
    )


def _judge(wanted: Wanted, command: str) -> None:
    temporary = stage(wanted)
    try:
        arguments = [part.replace("%s", temporary) for part in shlex.split(command)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    finally:
        os.unlink(temporary)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise FileRefused(f"{wanted.path} was left as it was: `{command}` refuses the new one: {said}")
