"""A bundle from its volumes."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from installer.adapters.bundle_directory import BundleDirectory
from installer.adapters.load_journal import LoadingFolder
from installer.adapters.volume_files import TarVolume
from installer.engine.volumes import NoSpaceLeft
from installer.errors import ExitCode
from installer.model.events import Progress
from installer.workflows.bundle_load import load_bundle
from tests.bundles import (
    SIZES,
    Maker,
    Told,
    flip,
    load,
    split,
    tree,
    trust,
)


def test_what_is_loaded_is_the_bundle(made: Path, tmp_path: Path) -> None:
    report = load([made / "disk"], tmp_path / "bundle")

    assert report.complete
    assert tree(tmp_path / "bundle") == tree(made / "bundle")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle"]


def test_volumes_are_taken_one_at_a_time_in_any_order(made: Path, volumes: list[Path], tmp_path: Path) -> None:
    order = [*volumes[2:], volumes[1], volumes[0]]

    reports = [load([volume], tmp_path / "bundle") for volume in order]

    assert [report.complete for report in reports] == [False] * (len(order) - 1) + [True]
    assert tree(tmp_path / "bundle") == tree(made / "bundle")


def test_a_load_says_which_volumes_are_missing(volumes: list[Path], tmp_path: Path) -> None:
    report = load([volumes[1], volumes[2]], tmp_path / "bundle")

    assert report.missing == (1, *range(4, len(volumes) + 1))


def test_the_folder_holds_no_bundle_before_all_is_in(volumes: list[Path], tmp_path: Path) -> None:
    load(volumes[:-1], tmp_path / "bundle")

    assert not (tmp_path / "bundle").exists()


def test_a_volume_given_again_is_not_taken_in_again(volumes: list[Path], tmp_path: Path) -> None:
    load(volumes[:2], tmp_path / "bundle")

    assert load(volumes[:2], tmp_path / "bundle").loaded == 0


def test_an_old_bundle_stays_whole_until_the_new_one_is_in(tmp_path: Path) -> None:
    old = Maker(tmp_path / "old").build(sizes={"alpha": 1000, "old": 5000})
    new = Maker(tmp_path / "new").build(sequence=2)
    split(new, tmp_path / "disk")
    first, *others = sorted((tmp_path / "disk").iterdir())
    before = tree(old)

    load([first], old)
    between = tree(old)
    load(others, old)

    assert between == before
    assert tree(old) == tree(new)


def test_blobs_the_old_bundle_has_are_not_loaded_again(tmp_path: Path) -> None:
    old = Maker(tmp_path / "old").build(sizes={"gamma": SIZES["gamma"], "epsilon": SIZES["epsilon"]})
    new = Maker(tmp_path / "new").build(sequence=2)
    split(new, tmp_path / "disk")

    report = load([tmp_path / "disk"], old)

    assert report.kept == SIZES["gamma"] + SIZES["epsilon"]
    assert tree(old) == tree(new)


def test_a_damaged_blob_of_the_old_bundle_is_loaded_anew(made: Path, tmp_path: Path) -> None:
    load([made / "disk"], tmp_path / "bundle")
    for blob in (tmp_path / "bundle/oci/blobs/sha256").iterdir():
        flip(blob)

    load([made / "disk"], tmp_path / "bundle")

    assert tree(tmp_path / "bundle") == tree(made / "bundle")


def test_a_bundle_folder_is_a_medium_too(made: Path, tmp_path: Path) -> None:
    load([made / "bundle"], tmp_path / "bundle")

    assert tree(tmp_path / "bundle") == tree(made / "bundle")


def test_progress_is_told_in_bytes_and_items(made: Path, tmp_path: Path) -> None:
    told = Told()

    load([made / "disk"], tmp_path / "bundle", reporter=told)

    last = [event for event in told.events if isinstance(event, Progress) and event.work == "load"][-1]
    assert last.done == last.total == sum(SIZES.values())
    assert last.items_done == last.items > len(SIZES)


class SmallDisk(LoadingFolder):
    """A disk that is full after so many files."""

    def __init__(self, target: Path, room: int) -> None:
        super().__init__(target)
        self.room = room

    def take(self, path: str, digest: str, mode: int, medium: str, chunks: Iterable[bytes]) -> None:
        super().take(path, digest, mode, medium, self._limited(chunks))

    def _limited(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self.room == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room -= 1
            yield chunk


@pytest.mark.parametrize("room", range(0, 12, 2))
def test_a_full_disk_is_told_and_the_load_goes_on_when_there_is_space(
    made: Path, volumes: list[Path], tmp_path: Path, room: int
) -> None:
    target = tmp_path / "bundle"
    media = [TarVolume(volume) for volume in volumes]
    with pytest.raises(NoSpaceLeft, match="is full") as caught:
        load_bundle(media, SmallDisk(target, room), BundleDirectory(target), trust(), 2, Told())

    load(volumes, target)

    assert caught.value.exit_code is ExitCode.BUNDLE
    assert tree(target) == tree(made / "bundle")


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


class Mortal(LoadingFolder):
    """Dies at the n-th thing it does."""

    def __init__(self, target: Path, age: int) -> None:
        super().__init__(target)
        self._age = itertools.count(age, -1)

    def _live(self) -> None:
        if next(self._age) == 0:
            raise Killed

    def take(self, path: str, digest: str, mode: int, medium: str, chunks: Iterable[bytes]) -> None:
        self._live()
        super().take(path, digest, mode, medium, chunks)
        self._live()

    def finish(self) -> None:
        super().finish()
        self._live()

    def end(self) -> None:
        self._live()
        super().end()


@pytest.mark.parametrize("age", range(0, 28, 3))
def test_a_load_that_died_goes_on_with_one_volume_at_a_time(
    made: Path, volumes: list[Path], tmp_path: Path, age: int
) -> None:
    target = tmp_path / "bundle"
    media = [TarVolume(volume) for volume in volumes]
    with pytest.raises(Killed):
        load_bundle(media, Mortal(target, age), BundleDirectory(target), trust(), 2, Told())

    for volume in volumes:
        load([volume], target)

    assert tree(target) == tree(made / "bundle")


def test_volumes_of_two_splits_of_one_bundle_may_be_mixed(made: Path, volumes: list[Path], tmp_path: Path) -> None:
    split(made / "bundle", tmp_path / "other", media=2_100_000)
    others = sorted((tmp_path / "other").iterdir())

    load([volumes[0], *others[1:]], tmp_path / "bundle")
    report = load([others[0], *volumes[1:]], tmp_path / "bundle")

    assert report.complete
    assert tree(tmp_path / "bundle") == tree(made / "bundle")
