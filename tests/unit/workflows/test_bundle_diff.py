"""What sets two bundles apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.bundle_directory import BundleDirectory
from installer.errors import BundleRefused
from installer.workflows.bundle_diff import diff_bundles, known_bundle
from tests.bundles import Maker, flip, item_of, known, lock_of, stamped


def build(folder: Path, **contents: bytes) -> Path:
    for content in contents.values():
        BlobStore(folder / "store").put_bytes(content)
    return Maker(folder).build(items=lock_of(*(item_of(name, content) for name, content in contents.items())))


def test_items_and_bytes_are_told(tmp_path: Path) -> None:
    before = build(tmp_path / "a", same=b"same", gone=b"gone!", changed=b"one")
    after = build(tmp_path / "b", same=b"same", new=b"new", changed=b"four")

    found = diff_bundles(known(before), known(after))

    names = [[change.name for change in changes] for changes in (found.added, found.removed, found.changed)]
    assert names == [["new"], ["gone"], ["changed"]]
    assert (found.bytes_added, found.bytes_removed) == (7, 8)


def test_two_builds_of_one_lock_do_not_differ(tmp_path: Path) -> None:
    one, two = (build(tmp_path / name, same=b"same") for name in "ab")

    assert diff_bundles(known(one), known(two)).empty


def test_what_nobody_trusted_signed_is_not_compared(tmp_path: Path) -> None:
    bundle = build(tmp_path, same=b"same")
    flip(bundle / "manifest.json")

    with pytest.raises(BundleRefused, match="is not the one that was signed"):
        known_bundle(BundleDirectory(bundle), stamped(bundle))
