"""A host's files and programs, as probes look at them; a tree of files can stand for a host."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Sequence
from typing import NamedTuple

_COMMAND_SECONDS = 10
# It wakes one GPU after another, each for seconds.
_PATIENCE = {"nvidia-smi": 90}
_MISSING = 127
_MOST_LINKS = 40


class Answer(NamedTuple):
    """What a program ended with and said."""

    status: int
    output: str
    error: str


Run = Callable[[Sequence[str]], Answer]


def run(arguments: Sequence[str]) -> Answer:
    """Run a program; one that is missing or hangs is an answer too."""
    try:
        done = subprocess.run(
            arguments, capture_output=True, text=True, errors="replace", check=False, stdin=subprocess.DEVNULL,
            timeout=_PATIENCE.get(arguments[0], _COMMAND_SECONDS), env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return Answer(_MISSING, "", str(error))
    return Answer(done.returncode, done.stdout, done.stderr)


class Root:
    """The host's files, below `/` or below a folder that stands for it.

    What cannot be read is empty: on a host each file may be missing, and a probe asks for many.
    """

    def __init__(self, folder: str = "/") -> None:
        self._folder = folder.rstrip("/")

    def path(self, path: str) -> str:
        """Return where a path of the host is."""
        return self._folder + path

    def data(self, path: str) -> bytes:
        """Return a file's bytes."""
        try:
            with open(self.path(path), "rb") as stream:
                return stream.read()
        except OSError:
            return b""

    def text(self, path: str) -> str:
        """Return a file's text."""
        return self.data(path).decode("utf-8", "replace")

    def lines(self, path: str) -> list[str]:
        """Return a file's lines."""
        return self.text(path).splitlines()

    def word(self, path: str) -> str:
        """Return a file's text without the space around it."""
        return self.text(path).strip()

    def names(self, path: str) -> list[str]:
        """Return what is in a folder, sorted."""
        try:
            return sorted(os.listdir(self.path(path)))
        except OSError:
            return []

    def link(self, path: str) -> str:
        """Return where a symbolic link points."""
        try:
            return os.readlink(self.path(path))
        except OSError:
            return ""

    def state(self, path: str) -> os.stat_result | None:
        """Return what the file system knows of a path, links followed; None when there is nothing."""
        try:
            return os.stat(self.path(self.real(path)))
        except OSError:
            return None

    def exists(self, path: str) -> bool:
        """Return whether there is something at a path."""
        return self.state(path) is not None

    def writable(self, path: str) -> bool:
        """Return whether this process may write to a file."""
        return os.access(self.path(path), os.W_OK)

    def digest(self, path: str) -> str:
        """Return a file's digest, or an empty text when it cannot be read or holds nothing."""
        data = self.data(path)
        return "sha256:" + hashlib.sha256(data).hexdigest() if data else ""

    def real(self, path: str) -> str:
        """Return a path with every link followed, inside the tree."""
        waiting, found, links = [part for part in path.split("/") if part], "", 0
        while waiting:
            part = waiting.pop(0)
            if part == "..":
                found = found.rpartition("/")[0]
                continue
            target = self.link(f"{found}/{part}")
            if target and links < _MOST_LINKS:
                links += 1
                waiting = [step for step in target.split("/") if step not in ("", ".")] + waiting
                found = "" if target.startswith("/") else found
            else:
                found = f"{found}/{part}"
        return found or "/"

    def nearest(self, path: str) -> str:
        """Return the path, or the first folder above it that is there, links followed."""
        path = self.real(path)
        while path != "/" and not os.path.lexists(self.path(path)):
            path = path.rpartition("/")[0] or "/"
        return path
