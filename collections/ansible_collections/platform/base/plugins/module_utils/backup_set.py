"""A component's files of the set that is made or given back."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.sealed import Sealer, Unsealer, sealing, unsealing

# How a module is told of the set: an option of its own, which the documentation's part `backup` describes.
ACCESS: dict[str, Any] = {
    "type": "dict",
    "required": True,
    "options": {
        "folder": {"type": "path", "required": True},
        "id": {"type": "str", "required": True},
        "passphrase": {"type": "str", "required": True, "no_log": True},
    },
}


class ComponentFiles:
    """What one component has of a set, on a host, encrypted; each file knows its set, its component and its name."""

    def __init__(self, access: Mapping[str, Any], component: str) -> None:
        """Work with the files of a component."""
        self.set_id = str(access["id"])
        # The module of a run that was killed may go on by itself: it works for another set, elsewhere.
        self.folder = os.path.join(access["folder"], self.set_id, component)
        self._passphrase = access["passphrase"]
        self._component = component

    def sealing(self, name: str) -> AbstractContextManager[Sealer]:
        """Return a context that writes a file, which is there when it is whole."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        return sealing(self._path(name), self._passphrase, self._label(name))

    def unsealing(self, name: str) -> AbstractContextManager[Unsealer]:
        """Return a context that reads a file; it raises `SealBroken` when that is not what was written."""
        return unsealing(self._path(name), self._passphrase, self._label(name))

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _label(self, name: str) -> str:
        return f"{self.set_id}/{self._component}/{name}"


def this_moment() -> str:
    """Return the moment in UTC, as sets write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
