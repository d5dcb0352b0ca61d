"""Bundles that carry only what another one lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from installer.errors import BundleRefused, UsageError
from tests.bundles import (
    Maker,
    flip,
    load,
    make_small_delta,
    split,
    tree,
    verify,
)


@pytest.fixture
def versions(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Return an old bundle, a new one, and the delta that leads from one to the other."""
    old = Maker(tmp_path / "old").build(sizes={"alpha": 1000, "beta": 400_000, "gamma": 700_000})
    new = Maker(tmp_path / "new").build(sizes={"beta": 400_000, "gamma": 700_000, "zeta": 2_000_000}, sequence=2)
    make_small_delta(new, old, tmp_path / "delta")
    return old, new, tmp_path / "delta"


def test_a_delta_over_its_base_gives_the_new_bundle(versions: tuple[Path, Path, Path]) -> None:
    old, new, delta = versions

    report = load([delta], old)

    assert (report.complete, report.loaded) == (True, 2_000_000)
    assert tree(old) == tree(new)
    assert verify(old).release.sequence == 2


def test_a_delta_may_travel_on_volumes(versions: tuple[Path, Path, Path], tmp_path: Path) -> None:
    old, new, delta = versions
    split(delta, tmp_path / "disk")

    reports = [load([volume], old) for volume in sorted((tmp_path / "disk").iterdir(), reverse=True)]

    assert [report.complete for report in reports] == [False] * (len(reports) - 1) + [True]
    assert tree(old) == tree(new)


def test_a_delta_without_its_base_is_refused(
    versions: tuple[Path, Path, Path], tmp_path: Path, nothing_there: Callable[[], bool]
) -> None:
    with pytest.raises(BundleRefused, match="stands on a bundle which is not there") as caught:
        load([versions[2]], tmp_path / "bundle")

    assert "Load that bundle first" in caught.value.hint
    assert nothing_there()


def test_a_delta_over_another_bundle_is_refused(versions: tuple[Path, Path, Path], tmp_path: Path) -> None:
    other = Maker(tmp_path / "other").build(sizes={"alpha": 1000})
    before = tree(other)

    with pytest.raises(BundleRefused, match="stands on a bundle which is not there"):
        load([versions[2]], other)

    assert tree(other) == before


def test_a_delta_over_a_damaged_base_is_refused_with_the_blobs(versions: tuple[Path, Path, Path]) -> None:
    old, _, delta = versions
    damaged = next(blob for blob in (old / "oci/blobs/sha256").iterdir() if blob.stat().st_size == 700_000)
    flip(damaged)
    before = tree(old)

    with pytest.raises(BundleRefused, match="is not whole: 1 blobs") as caught:
        load([delta], old)

    assert caught.value.details == (f"sha256:{damaged.name}",)
    assert tree(old) == before


def test_a_delta_that_leads_to_another_bundle_is_refused(versions: tuple[Path, Path, Path], tmp_path: Path) -> None:
    old, _, delta = versions
    other = Maker(tmp_path / "other").build(sizes={"alpha": 1000}, sequence=3)
    for name in ("RELEASE", "RELEASE.sig"):
        (delta / "whole" / name).write_bytes((other / name).read_bytes())

    with pytest.raises(BundleRefused, match="not the one that was signed"):
        load([delta], old)


def test_a_delta_carries_no_blob_of_its_base(versions: tuple[Path, Path, Path]) -> None:
    _, _, delta = versions

    assert [blob.stat().st_size for blob in (delta / "oci/blobs/sha256").iterdir()] == [2_000_000]


def test_a_delta_of_a_delta_is_refused(versions: tuple[Path, Path, Path], tmp_path: Path) -> None:
    old, _, delta = versions

    with pytest.raises(BundleRefused, match="is a delta itself"):
        make_small_delta(delta, old, tmp_path / "again")


def test_a_delta_never_replaces_a_whole_bundle(versions: tuple[Path, Path, Path]) -> None:
    old, new, _ = versions
    before = tree(old)

    with pytest.raises(UsageError, match="holds the whole bundle site-bundle"):
        make_small_delta(new, old, old)

    assert tree(old) == before


def test_a_delta_made_again_replaces_the_one_before(versions: tuple[Path, Path, Path]) -> None:
    old, new, delta = versions
    before = tree(delta)

    make_small_delta(new, old, delta)

    assert tree(delta) == before
