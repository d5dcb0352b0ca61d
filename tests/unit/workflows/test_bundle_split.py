"""A bundle onto volumes."""

from __future__ import annotations

import errno
import os
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from installer.adapters.bundle_directory import BundleDirectory
from installer.adapters.volume_files import VolumeFolder
from installer.engine.volumes import NoSpaceLeft
from installer.errors import BundleRefused, ExitCode
from installer.model.events import Progress, Warned
from installer.workflows.bundle_split import split_bundle
from tests.bundles import MEDIA, SIZES, Maker, Told, flip, known, split, tree


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Maker(tmp_path).build()


def volumes_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.tar"))


def test_every_volume_fits_its_medium_and_is_as_large_as_was_said(bundle: Path, tmp_path: Path) -> None:
    written = split(bundle, tmp_path / "disk")

    assert len(written) > 3
    for volume in written:
        assert (tmp_path / "disk" / volume.name).stat().st_size == volume.size <= MEDIA


def test_every_volume_begins_with_what_it_is_trusted_by(bundle: Path, tmp_path: Path) -> None:
    split(bundle, tmp_path / "disk")

    for path in volumes_of(tmp_path / "disk"):
        with tarfile.open(path) as archive:
            names = archive.getnames()
        assert names[:5] == ["RELEASE", "RELEASE.sig", "manifest.json", "SHA256SUMS", "volumes.json"]


def test_the_same_bundle_gives_the_same_volumes(bundle: Path, tmp_path: Path) -> None:
    split(bundle, tmp_path / "one")
    split(bundle, tmp_path / "two")

    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_volumes_that_are_there_are_not_written_again(bundle: Path, tmp_path: Path) -> None:
    split(bundle, tmp_path / "disk")
    volumes_of(tmp_path / "disk")[1].unlink()

    again = split(bundle, tmp_path / "disk")

    assert [volume.written for volume in again] == [number == 1 for number in range(len(again))]


def test_a_damaged_blob_reaches_no_volume(bundle: Path, tmp_path: Path) -> None:
    for blob in (bundle / "oci/blobs/sha256").iterdir():
        if blob.stat().st_size == SIZES["gamma"]:
            flip(blob)

    with pytest.raises(BundleRefused, match="other bytes than were signed"):
        split(bundle, tmp_path / "disk")

    assert not [path for path in (tmp_path / "disk").iterdir() if path.name.startswith(".")]


def test_a_damaged_cut_blob_is_found_before_the_first_volume(bundle: Path, tmp_path: Path) -> None:
    for blob in (bundle / "oci/blobs/sha256").iterdir():
        if blob.stat().st_size == SIZES["epsilon"]:
            flip(blob)

    with pytest.raises(BundleRefused, match="other bytes than were signed"):
        split(bundle, tmp_path / "disk")

    assert not (tmp_path / "disk").exists()


class SmallDisk(VolumeFolder):
    """A disk with room for so many volumes."""

    def __init__(self, root: Path, room: int) -> None:
        super().__init__(root)
        self.room = room

    def write(self, name: str, content: Iterable[bytes]) -> None:
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= 1
        super().write(name, content)


def test_a_full_disk_says_how_much_is_missing_and_the_split_goes_on_when_there_is_space(
    bundle: Path, tmp_path: Path
) -> None:
    disk = SmallDisk(tmp_path / "disk", room=2)
    with pytest.raises(NoSpaceLeft, match="is full") as caught:
        split_bundle(known(bundle), BundleDirectory(bundle), MEDIA, disk, 2, Told())

    again = split(bundle, tmp_path / "disk")

    assert caught.value.exit_code is ExitCode.BUNDLE
    assert [volume.written for volume in again] == [False, False, *(True for _ in again[2:])]


def test_volumes_of_another_set_in_the_folder_are_told(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "old.001.tar").touch()
    told = Told()

    split(bundle, tmp_path / "disk", reporter=told)

    assert [event for event in told.events if isinstance(event, Warned) and "old.001.tar" in event.text]


def test_progress_ends_at_all_bytes_and_all_volumes(bundle: Path, tmp_path: Path) -> None:
    told = Told()

    written = split(bundle, tmp_path / "disk", reporter=told)

    last = [event for event in told.events if isinstance(event, Progress)][-1]
    assert (last.done, last.items_done) == (last.total, last.items)
    assert last.items == len(written)
