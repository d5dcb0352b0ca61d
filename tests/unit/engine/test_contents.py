"""What a bundle's folder holds."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from installer.engine.contents import (
    blob_path,
    carried,
    encode_manifest,
    format_checksums,
    inside,
    listing,
    owners_of_blobs,
    parse_manifest,
)
from installer.errors import BundleRefused
from installer.model.artifact import digest_of
from installer.model.bundle import FORMAT, BundleFile, Manifest, Release
from tests.bundles import item_of

ITEMS = (item_of("one", b"one"), item_of("two", b"two"))
MANIFEST = Manifest(FORMAT, "upstream", ("linux/amd64",), ITEMS, {"verify.sh": BundleFile(digest_of(b"sh"), 2)})


def release(base: str = "") -> Release:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    digest = digest_of(b"")
    return Release("site-1", 1, digest, 10, digest, "1.0", day, day, base)


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert parse_manifest(encode_manifest(MANIFEST), "here") == MANIFEST


def test_a_manifest_of_a_newer_tool_says_which_installer_to_use() -> None:
    content = encode_manifest(MANIFEST).replace(b'"format"', b'"future":1,"format"')

    with pytest.raises(BundleRefused) as caught:
        parse_manifest(content, "here")

    assert "installer/" in caught.value.hint


def test_a_whole_bundle_carries_all_that_its_manifest_lists() -> None:
    found = carried(release(), MANIFEST, format_checksums(listing(MANIFEST)))

    assert found == listing(MANIFEST)


def test_a_delta_carries_what_its_checksums_list() -> None:
    held = listing(MANIFEST)
    del held[blob_path(ITEMS[0].digest)]

    found = carried(release(base=digest_of(b"base")), MANIFEST, format_checksums(held))

    assert found == held


@pytest.mark.parametrize("base", ["", digest_of(b"base")], ids=["whole", "delta"])
def test_checksums_that_contradict_the_manifest_are_refused(base: str) -> None:
    checksums = format_checksums(listing(MANIFEST)).replace(b"verify.sh", b"verifY.sh")

    with pytest.raises(BundleRefused, match="does not say what manifest"):
        carried(release(base), MANIFEST, checksums)


@pytest.mark.parametrize("path", ["../verify.sh", "/etc/passwd", "a//b", "a/./b", "a/../../b", "", "a\nb"])
def test_a_path_that_leads_out_of_the_bundle_is_refused(path: str) -> None:
    manifest = dataclasses.replace(MANIFEST, files={path: BundleFile(digest_of(b"sh"), 2)})

    with pytest.raises(BundleRefused, match="outside"):
        carried(release(), manifest, format_checksums(listing(manifest)))


@pytest.mark.parametrize("path", ["RELEASE", "oci/blobs/sha256/0", "installer/a b", "a/..b", ".hidden"])
def test_a_plain_path_is_inside(path: str) -> None:
    assert inside(path)


def test_a_blob_is_known_by_the_items_it_is_of() -> None:
    items = tuple(item_of(name, b"shared") for name in ("a", "b", "c", "d"))

    told = owners_of_blobs(dataclasses.replace(MANIFEST, items=(*ITEMS, *items)))

    assert told[blob_path(digest_of(b"one"))] == " It is of file one 1.0."
    assert told[blob_path(digest_of(b"shared"))] == " It is of file a 1.0, file b 1.0, file c 1.0 and others."
