"""A bundle out of a lock."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.bundles import NOW, Maker, tree, verify

SIZES = {"one": 1000, "two": 2000}


def test_the_same_lock_gives_the_same_manifest_whatever_clock_and_path(tmp_path: Path) -> None:
    first = Maker(tmp_path / "first").build(sizes=SIZES)
    later = Maker(tmp_path / "elsewhere" / "far", now=NOW + timedelta(days=400, seconds=7))
    second = later.build(name="other", sizes=dict(reversed(SIZES.items())), sequence=9)

    for name in ("manifest.json", "SHA256SUMS", "oci/index.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_only_what_is_signed_differs_between_two_builds(tmp_path: Path) -> None:
    first = tree(Maker(tmp_path / "first").build(sizes=SIZES))
    second = tree(Maker(tmp_path / "second", now=NOW + timedelta(days=1)).build(sizes=SIZES, sequence=2))

    differing = {path for path in first | second if first.get(path) != second.get(path)}

    assert differing == {"RELEASE", "RELEASE.sig", "apt/bookworm/InRelease"}


def test_a_build_without_a_change_keeps_the_release(tmp_path: Path) -> None:
    before = tree(Maker(tmp_path).build(sizes=SIZES))

    again = Maker(tmp_path, now=NOW + timedelta(days=1)).build(sizes=SIZES, sequence=2)

    assert tree(again) == before


def test_a_build_over_an_expired_bundle_signs_anew(tmp_path: Path) -> None:
    Maker(tmp_path).build(sizes=SIZES)
    later = NOW + timedelta(days=100)

    again = Maker(tmp_path, now=later).build(sizes=SIZES, sequence=2)

    assert verify(again, later).release.sequence == 2


def test_the_blobs_of_the_cache_are_shared(tmp_path: Path) -> None:
    bundle = Maker(tmp_path).build(sizes=SIZES)

    for blob in (bundle / "oci/blobs/sha256").iterdir():
        assert blob.samefile(tmp_path / "store/blobs/sha256" / blob.name)


def test_files_keep_the_modes_the_manifest_says(tmp_path: Path) -> None:
    bundle = Maker(tmp_path).build(sizes=SIZES)

    assert (bundle / "installer/run").stat().st_mode & 0o777 == 0o755
    assert (bundle / "verify.sh").stat().st_mode & 0o777 == 0o644
