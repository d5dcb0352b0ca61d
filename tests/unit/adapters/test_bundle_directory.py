"""A bundle as a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from installer.adapters.bundle_directory import BundleDirectory
from installer.engine.release import parse_release
from installer.errors import BundleRefused, UsageError
from tests.bundles import NOW, Maker, Told, flip, tree, verify

SIZES = {"one": 1000, "two": 70_000}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Maker(tmp_path).build(sizes=SIZES)


def blob(bundle: Path) -> Path:
    return sorted((bundle / "oci/blobs/sha256").iterdir())[0]


def test_a_good_bundle_is_verified(bundle: Path) -> None:
    assert verify(bundle).release.id == "site-bundle"


PLACES = ["RELEASE", "RELEASE.sig", "manifest.json", "SHA256SUMS", "verify.sh", "installer/run", "oci/index.json",
          "apt/bookworm/InRelease", "apt/bookworm/Packages", "oci/oci-layout"]  # fmt: skip


@pytest.mark.parametrize("path", PLACES)
def test_one_flipped_bit_is_refused(bundle: Path, path: str) -> None:
    flip(bundle / path)

    with pytest.raises(BundleRefused):
        verify(bundle)


@pytest.mark.parametrize("path", PLACES)
def test_one_missing_file_is_refused(bundle: Path, path: str) -> None:
    (bundle / path).unlink()

    with pytest.raises(BundleRefused):
        verify(bundle)


def flip_blob(bundle: Path) -> None:
    flip(blob(bundle))


def cut_blob(bundle: Path) -> None:
    path = blob(bundle)
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1])


def remove_blob(bundle: Path) -> None:
    blob(bundle).unlink()


def add_file(bundle: Path) -> None:
    (bundle / "installer/more").touch()


def add_link(bundle: Path) -> None:
    (bundle / "installer/more").symlink_to("run")


def add_link_to_folder(bundle: Path) -> None:
    (bundle / "more").symlink_to("installer")


def replace_blob_by_link(bundle: Path) -> None:
    path = blob(bundle)
    path.rename(bundle.parent / "elsewhere")
    path.symlink_to(bundle.parent / "elsewhere")


def replace_blob_by_pipe(bundle: Path) -> None:
    path = blob(bundle)
    path.unlink()
    os.mkfifo(path)


DAMAGES = {
    flip_blob: "has other bytes than were signed",
    cut_blob: "bytes, not",
    remove_blob: "is missing",
    add_file: "does not belong",
    add_link: "is a link",
    add_link_to_folder: "is a link",
    replace_blob_by_link: "is a link",
    replace_blob_by_pipe: "special file",
}


@pytest.mark.parametrize(("damage", "reason"), DAMAGES.items())
def test_damage_is_named_with_its_file(bundle: Path, damage: Callable[[Path], None], reason: str) -> None:
    damage(bundle)

    with pytest.raises(BundleRefused) as caught:
        verify(bundle)

    assert any(reason in line for line in caught.value.details)


def test_all_damage_is_listed_at_once(bundle: Path) -> None:
    flip_blob(bundle)
    add_file(bundle)
    (bundle / "verify.sh").unlink()

    with pytest.raises(BundleRefused) as caught:
        verify(bundle)

    assert len(caught.value.details) == 3


def test_progress_is_told_in_bytes_and_items(bundle: Path) -> None:
    told = Told()

    verify(bundle, reporter=told)

    last = told.events[-1]
    assert getattr(last, "done", None) == getattr(last, "total", 0) > sum(SIZES.values())
    assert getattr(last, "items_done", None) == getattr(last, "items", 0) == 8


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.symlink_to("/etc/hostname")])
def test_a_release_that_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "RELEASE")

    with pytest.raises(BundleRefused, match="no bundle"):
        BundleDirectory(tmp_path).release_text()


@pytest.mark.parametrize("path", ["missing", "installer", "link"])
def test_only_regular_files_are_read(bundle: Path, path: str) -> None:
    (bundle / "link").symlink_to("verify.sh")

    with pytest.raises(BundleRefused):
        list(BundleDirectory(bundle).chunks(path))


def test_a_part_of_a_file_is_read(bundle: Path) -> None:
    assert b"".join(BundleDirectory(bundle).chunks("installer/run", 2, 4)) == b"/bin"


def test_a_folder_with_something_else_is_never_made_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "thesis.odt").write_text("four years of work")

    with pytest.raises(UsageError, match=r"it holds thesis\.odt"):
        Maker(tmp_path).build(sizes=SIZES)

    assert tree(tmp_path / "bundle").keys() == {"thesis.odt"}


def test_a_new_build_deletes_what_the_bundle_no_longer_holds(tmp_path: Path) -> None:
    Maker(tmp_path).build(sizes=SIZES)

    bundle = Maker(tmp_path).build(sizes={"one": 1000}, sequence=2)

    assert len(list((bundle / "oci/blobs/sha256").iterdir())) == 1
    assert verify(bundle, NOW, seen=2).release.sequence == 2


def test_a_build_that_is_cut_off_leaves_no_bundle_and_forgets_no_sequence(tmp_path: Path) -> None:
    bundle = Maker(tmp_path).build(sizes=SIZES, sequence=7)

    def lose_power(text: bytes) -> bytes:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Maker(tmp_path, sign=lose_power).build(sizes={"one": 1000}, sequence=8)

    directory = BundleDirectory(bundle)
    assert directory.current() is None
    assert parse_release(directory.release_text()).sequence == 7
    with pytest.raises(BundleRefused):
        verify(bundle)
