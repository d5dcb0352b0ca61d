"""A service's wheels are those that were locked, for as long as its pins name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.tools import Tools
from installer.adapters.sources.wheel_trees import Pin
from installer.model.artifact import Kind, Lock, LockedItem, digest_of
from installer.ports import Reporter
from tests.fakes import RecordingReporter

SCOPE = "door libraries"
OLD, NEW = b"the wheel of version 1", b"the wheel of version 2"


def pin(content: bytes) -> Pin:
    # Of several files of a version, the lock has one.
    return Pin("library", "1", frozenset({digest_of(content), digest_of(b"for another platform")}))


def wheel(content: bytes, scope: str = "python3.13") -> LockedItem:
    origin = {"type": "pypi", "file": "library-1-py3-none-any.whl", "python": "3.13"}
    return LockedItem(Kind.WHEEL, "library", "1", digest_of(content), (), origin, "MIT", ("",), scope)


class Index:
    """Holds a wheel, and knows what it was asked for."""

    def __init__(self, store: BlobStore, content: bytes) -> None:
        self._store, self._content = store, content
        self.resolved: list[str] = []
        self.fetched: list[str] = []

    def pinned(self, lines: Sequence[str], python: str) -> tuple[LockedItem, ...]:
        self.resolved += [f"{python}: {line.partition(' ')[0]}" for line in lines]
        self._store.put_bytes(self._content, "application/zip")
        return (wheel(self._content),)

    def expect(self, items: Iterable[LockedItem]) -> None:
        """Nothing is fetched in one go here."""

    def fetch(self, item: LockedItem, reporter: Reporter) -> None:
        del reporter
        self.fetched.append(item.digest)
        self._store.put_bytes(self._content, "application/zip")


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "store")


def tools(store: BlobStore, index: Index, recorded: tuple[LockedItem, ...], relock: bool = False) -> Tools:
    lock = Lock("platform-lock/1", "build", ("linux/amd64",), (), recorded)
    return Tools(Path("none"), store, {}, index, RecordingReporter(), lock, relock)  # type: ignore[arg-type]


@pytest.mark.parametrize("relock", [False, True])
def test_a_locked_wheel_of_the_pins_is_fetched_as_it_was_locked(store: BlobStore, relock: bool) -> None:
    index = Index(store, OLD)

    found = tools(store, index, (wheel(OLD, SCOPE),), relock).wheels([pin(OLD)], "3.13", SCOPE)

    assert [item.digest for item in found] == [digest_of(OLD)]
    assert (index.resolved, index.fetched) == ([], [digest_of(OLD)])


def test_a_pin_that_changed_is_resolved_anew_and_locked(store: BlobStore) -> None:
    index = Index(store, NEW)
    used = tools(store, index, (wheel(OLD, SCOPE),))

    found = used.wheels([pin(NEW)], "3.13", SCOPE)

    assert index.resolved == ["3.13: library==1"]
    assert [(item.digest, item.scope, item.needed_by) for item in used.used] == [(digest_of(NEW), SCOPE, ())]
    assert found == used.used


def test_another_interpreter_has_wheels_of_its_own(store: BlobStore) -> None:
    index = Index(store, OLD)

    tools(store, index, (wheel(OLD, SCOPE),)).wheels([pin(OLD)], "3.14", SCOPE)

    assert index.resolved == ["3.14: library==1"]


def test_another_images_wheel_is_not_taken_for_this_ones(store: BlobStore) -> None:
    index = Index(store, OLD)

    tools(store, index, (wheel(OLD, "gate libraries"),)).wheels([pin(OLD)], "3.13", SCOPE)

    assert index.resolved == ["3.13: library==1"]


def test_what_lies_in_the_store_is_not_fetched(store: BlobStore) -> None:
    index = Index(store, OLD)
    store.put_bytes(OLD, "application/zip")

    tools(store, index, (wheel(OLD, SCOPE),)).wheels([pin(OLD)], "3.13", SCOPE)

    assert (index.resolved, index.fetched) == ([], [])


class Resolver(Index):
    """Resolves requirements too."""

    def closure(self, requirements: dict[str, list[str]], python: str) -> tuple[LockedItem, ...]:
        self.resolved += [f"{python}: {line}" for lines in requirements.values() for line in lines]
        return (wheel(self._content),)


def test_a_programs_wheel_is_the_one_that_was_locked(store: BlobStore) -> None:
    index = Resolver(store, OLD)

    found = tools(store, index, (wheel(OLD, "router programs"),)).wheel("library==1", "router programs")

    assert (found.digest, index.resolved, index.fetched) == (digest_of(OLD), [], [digest_of(OLD)])


def test_a_programs_wheel_of_another_version_is_resolved_and_told_to_the_lock(store: BlobStore) -> None:
    index = Resolver(store, NEW)
    used = tools(store, index, (wheel(OLD, "router programs"),))

    used.wheel("library==2", "router programs")

    assert index.resolved == ["3.11: library==2"]
    assert [(item.digest, item.scope, item.needed_by) for item in used.used] == [
        (digest_of(NEW), "router programs", ())
    ]
