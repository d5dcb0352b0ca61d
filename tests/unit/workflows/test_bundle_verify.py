"""Whether a bundle may be used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from installer.adapters.bundle_directory import BundleDirectory
from installer.errors import BundleRefused, ExitCode
from installer.model.artifact import LockedItem
from installer.model.events import Progress
from installer.workflows.bundle_verify import open_items
from tests.bundles import NOW, Maker, Told, flip, known, make_small_delta, verify

SIZES = {"one": 1000, "two": 2000}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Maker(tmp_path).build(sizes=SIZES, sequence=3)


@pytest.mark.parametrize(
    ("days", "seen", "reason"), [(91, 0, "expired"), (0, 4, "has the sequence 3; this site has seen 4")]
)
def test_a_bundle_whose_time_is_over_is_refused(bundle: Path, days: int, seen: int, reason: str) -> None:
    with pytest.raises(BundleRefused, match=reason) as caught:
        verify(bundle, NOW + timedelta(days=days), seen)

    assert caught.value.exit_code is ExitCode.BUNDLE


def test_nothing_else_is_read_before_the_signature_is_good(bundle: Path) -> None:
    (bundle / "RELEASE").write_bytes(b"\xff not a release")
    flip(bundle / "manifest.json")

    with pytest.raises(BundleRefused, match="No trusted signer"):
        verify(bundle)


@pytest.fixture
def delta(tmp_path: Path, bundle: Path) -> Path:
    base = Maker(tmp_path / "base").build(sizes={"one": 1000})
    make_small_delta(bundle, base, tmp_path / "delta")
    return tmp_path / "delta"


def test_a_delta_is_whole_in_itself(delta: Path) -> None:
    assert verify(delta, delta=True).release.id == "site-bundle-delta"


def test_nothing_is_installed_from_a_delta(delta: Path) -> None:
    with pytest.raises(BundleRefused, match="is a delta") as caught:
        verify(delta)

    assert "bundle load" in caught.value.hint


@pytest.mark.parametrize("path", ["whole/RELEASE", "whole/RELEASE.sig", "installer/run", "SHA256SUMS"])
def test_one_flipped_bit_in_a_delta_is_refused(delta: Path, path: str) -> None:
    flip(delta / path)

    with pytest.raises(BundleRefused):
        verify(delta, delta=True)


def test_items_that_do_not_open_are_listed_all_at_once(bundle: Path) -> None:
    def opening(item: LockedItem) -> Sequence[str]:
        return [f"is {item.size} bytes of nothing."]

    with pytest.raises(BundleRefused) as caught:
        open_items(BundleDirectory(bundle), known(bundle), opening, 2, Told())

    assert caught.value.details == ("file two 1.0 is 2000 bytes of nothing.", "file one 1.0 is 1000 bytes of nothing.")


def test_of_a_delta_only_what_it_carries_is_opened(delta: Path) -> None:
    told = Told()

    open_items(BundleDirectory(delta), known(delta), lambda _: [], 2, told)

    assert [event.item for event in told.events if isinstance(event, Progress)] == ["two"]
