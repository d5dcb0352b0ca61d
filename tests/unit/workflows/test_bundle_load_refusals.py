"""Media that are not loaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from installer.engine.volumes import END, tar_header
from installer.errors import BundleRefused, UsageError
from installer.model.artifact import digest_of
from tests.bundles import (
    NOW,
    SIZES,
    Maker,
    carrying,
    copied,
    flip,
    load,
    member_of,
    repacked,
    split,
    stamp,
    tree,
    trust,
)


def test_an_unsigned_volume_is_refused(volumes: list[Path], tmp_path: Path, nothing_there: Callable[[], bool]) -> None:
    (volume,) = copied(volumes[:1], tmp_path / "disk")
    repacked(volume, lambda name, content: [] if name == "RELEASE.sig" else [(name, content)])

    with pytest.raises(BundleRefused, match=r"instead of RELEASE\.sig"):
        load([volume], tmp_path / "bundle")

    assert nothing_there()


def test_a_volume_signed_by_somebody_else_is_refused(tmp_path: Path) -> None:
    bundle = Maker(tmp_path, sign=lambda text: stamp(text + b"forged")).build()

    with pytest.raises(BundleRefused, match="No trusted signer"):
        load([bundle], tmp_path / "target")

    assert not (tmp_path / "target.loading").exists()


def test_an_expired_volume_is_refused(volumes: list[Path], tmp_path: Path, nothing_there: Callable[[], bool]) -> None:
    with pytest.raises(BundleRefused, match="expired on 2026-05-30"):
        load(volumes, tmp_path / "bundle", trust(now=NOW + timedelta(days=91)))

    assert nothing_there()


def test_an_older_sequence_is_refused(volumes: list[Path], tmp_path: Path, nothing_there: Callable[[], bool]) -> None:
    with pytest.raises(BundleRefused, match="has the sequence 1; this site has seen 2"):
        load(volumes, tmp_path / "bundle", trust(seen=2))

    assert nothing_there()


def test_volumes_of_two_bundles_are_refused_before_anything_is_taken_in(
    volumes: list[Path], tmp_path: Path, nothing_there: Callable[[], bool]
) -> None:
    other = Maker(tmp_path / "other").build(sequence=2)
    split(other, tmp_path / "disk")

    with pytest.raises(BundleRefused, match="is of the bundle") as caught:
        load([volumes[0], tmp_path / "disk"], tmp_path / "bundle")

    assert "Nothing was touched" in caught.value.hint
    assert nothing_there()


def test_a_volume_of_another_bundle_than_the_one_begun_is_refused(volumes: list[Path], tmp_path: Path) -> None:
    other = Maker(tmp_path / "other").build(name="other", sequence=2)
    split(other, tmp_path / "disk")
    load(volumes[:1], tmp_path / "bundle")
    before = tree(tmp_path / "bundle.loading")

    with pytest.raises(BundleRefused, match="Another bundle is half loaded") as caught:
        load([tmp_path / "disk"], tmp_path / "bundle")

    assert "delete" in caught.value.hint
    assert tree(tmp_path / "bundle.loading") == before


@pytest.mark.parametrize("name", ["RELEASE", "RELEASE.sig", "manifest.json", "SHA256SUMS"])
def test_a_flipped_bit_at_the_front_is_refused_before_anything_is_taken_in(
    volumes: list[Path], tmp_path: Path, name: str, nothing_there: Callable[[], bool]
) -> None:
    (volume,) = copied(volumes[:1], tmp_path / "disk")
    begin, size = member_of(volume, name)
    flip(volume, begin + size // 2)

    with pytest.raises(BundleRefused):
        load([volume], tmp_path / "bundle")

    assert nothing_there()


@pytest.mark.parametrize("prefix", ["oci/blobs", "pieces/", "installer/run", "apt/bookworm/InRelease"])
def test_a_flipped_bit_behind_the_front_is_refused_and_never_kept(
    made: Path, volumes: list[Path], tmp_path: Path, prefix: str
) -> None:
    disk = copied(volumes, tmp_path / "disk")
    damaged = carrying(disk, prefix)
    begin, size = member_of(damaged, prefix)
    flip(damaged, begin + size // 2)

    with pytest.raises(BundleRefused, match="other bytes than were signed") as caught:
        load(disk, tmp_path / "bundle")

    assert str(damaged) in caught.value.summary
    assert not (tmp_path / "bundle").exists()
    load(volumes, tmp_path / "bundle")
    assert tree(tmp_path / "bundle") == tree(made / "bundle")


@pytest.mark.parametrize("lacking", [1, 512, 1025, 100_000, 1_000_000])
def test_a_truncated_volume_is_refused_and_what_was_whole_stays(
    made: Path, volumes: list[Path], tmp_path: Path, lacking: int
) -> None:
    disk = copied(volumes, tmp_path / "disk")
    os.truncate(disk[-1], disk[-1].stat().st_size - lacking)

    with pytest.raises(BundleRefused, match="cut short"):
        load(disk, tmp_path / "bundle")

    report = load(volumes[-1:], tmp_path / "bundle")
    assert report.complete
    assert report.loaded < SIZES["delta"] + SIZES["gamma"]
    assert tree(tmp_path / "bundle") == tree(made / "bundle")


def test_a_missing_blob_is_named(volumes: list[Path], tmp_path: Path) -> None:
    disk = copied(volumes, tmp_path / "disk")
    damaged = carrying(disk, "oci/blobs")
    lost: list[str] = []

    def without(name: str, content: bytes) -> list[tuple[str, bytes]]:
        if name.startswith("oci/blobs") and not lost:
            lost.append(name)
            return []
        return [(name, content)]

    repacked(damaged, without)

    with pytest.raises(BundleRefused, match="lacks oci/blobs"):
        load(disk, tmp_path / "bundle")


def test_a_file_that_was_not_signed_is_refused(volumes: list[Path], tmp_path: Path) -> None:
    (volume,) = copied(volumes[:1], tmp_path / "disk")
    more = [("installer/more", b"#!/bin/sh\n")]
    repacked(volume, lambda name, data: [(name, data), *(more if name == "installer/run" else [])])

    with pytest.raises(BundleRefused, match=r"installer/more on .* is not listed"):
        load([volume], tmp_path / "bundle")

    assert not list(tmp_path.rglob("more"))


@pytest.mark.parametrize("prefix", ["oci/blobs", "installer/run"])
def test_more_bytes_than_were_signed_are_refused_unread(volumes: list[Path], tmp_path: Path, prefix: str) -> None:
    disk = copied(volumes, tmp_path / "disk")
    damaged = carrying(disk, prefix)
    repacked(damaged, lambda name, data: [(name, data + b"x" if name.startswith(prefix) else data)])

    with pytest.raises(BundleRefused, match="bytes, not the"):
        load([damaged], tmp_path / "bundle")


@pytest.mark.parametrize("name", ["RELEASE", "manifest.json", "SHA256SUMS"])
def test_a_front_without_end_is_refused_unread(
    volumes: list[Path], tmp_path: Path, name: str, nothing_there: Callable[[], bool]
) -> None:
    (volume,) = copied(volumes[:1], tmp_path / "disk")
    repacked(volume, lambda found, data: [(found, data + bytes(2 << 20) if found == name else data)])

    with pytest.raises(BundleRefused, match="more than the"):
        load([volume], tmp_path / "bundle")

    assert nothing_there()


def test_a_layout_of_another_bundle_is_refused(
    volumes: list[Path], tmp_path: Path, nothing_there: Callable[[], bool]
) -> None:
    (volume,) = copied(volumes[:1], tmp_path / "disk")
    before, after = b"site-bundle", b"site-forged"
    repacked(volume, lambda name, data: [(name, data.replace(before, after) if name == "volumes.json" else data)])

    with pytest.raises(BundleRefused, match=r"volumes\.json .* is of the bundle site-forged"):
        load([volume], tmp_path / "bundle")

    assert nothing_there()


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    volume = tmp_path / "holiday.001.tar"
    volume.write_bytes(tar_header("beach.jpg", 0) + END)

    with pytest.raises(BundleRefused, match=r"it has beach\.jpg instead of RELEASE"):
        load([volume], tmp_path / "bundle")


def test_a_folder_that_is_something_else_is_never_touched(volumes: list[Path], tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "thesis.odt").write_text("four years of work")

    with pytest.raises(UsageError, match=r"thesis\.odt"):
        load(volumes, tmp_path / "bundle")

    assert tree(tmp_path / "bundle").keys() == {"thesis.odt"}


def test_a_link_in_the_folder_never_leads_a_file_elsewhere(volumes: list[Path], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "oci").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(BundleRefused, match="is a link"):
        load(volumes, tmp_path / "bundle")

    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_forged_piece_under_a_layout_forged_with_it_never_becomes_a_blob(
    made: Path, volumes: list[Path], tmp_path: Path
) -> None:
    disk = copied(volumes, tmp_path / "disk")
    forged = carrying(disk, "pieces/")
    begin, size = member_of(forged, "pieces/")
    good = digest_of(forged.read_bytes()[begin : begin + size])
    flip(forged, begin)
    bad = digest_of(forged.read_bytes()[begin : begin + size])
    # Nobody signs volumes.json: whoever forges a piece can forge what it says of the piece.
    repacked(forged, lambda name, data: [(name, data.replace(good.encode(), bad.encode()))])

    with pytest.raises(BundleRefused, match="do not make the blob that was signed"):
        load(disk, tmp_path / "bundle")

    assert not (tmp_path / "bundle").exists()
    load(volumes, tmp_path / "bundle")
    assert tree(tmp_path / "bundle") == tree(made / "bundle")
