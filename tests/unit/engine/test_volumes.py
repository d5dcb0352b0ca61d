"""What lies on which volume."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from installer.engine.contents import blob_path
from installer.engine.sizes import parse_size
from installer.engine.volumes import (
    END,
    LAYOUT,
    covers,
    encode_layout,
    member_size,
    missing_volumes,
    pack,
    parse_layout,
    piece_path,
    plan_volumes,
    volume_name,
    with_digests,
)
from installer.errors import BundleRefused, UsageError
from installer.model.artifact import digest_of
from installer.model.bundle import FORMAT, Release
from installer.model.volumes import Layout, Piece, Volume

MANIFEST = digest_of(b"manifest")
FRONT = {"RELEASE": 800, "RELEASE.sig": 300, "manifest.json": 20_000}


def blobs_of(*sizes: int) -> dict[str, int]:
    return {digest_of(str(number).encode()): size for number, size in enumerate(sizes)}


def release() -> Release:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    return Release("site-1", 1, MANIFEST, 10, digest_of(b"sums"), "1.0", day, day)


def size_of(volume: Volume, layout: Layout) -> int:
    parts = {**FRONT, LAYOUT: len(encode_layout(layout))}
    parts |= {blob_path(digest): size for digest, size in volume.blobs.items()}
    parts |= {piece_path(piece): piece.size for piece in volume.pieces}
    return len(END) + sum(member_size(name, size) for name, size in parts.items())


@pytest.mark.parametrize("seed", range(8))
def test_no_volume_is_larger_than_its_medium(seed: int) -> None:
    chance = random.Random(seed)
    blobs = blobs_of(*(int(chance.lognormvariate(12, 2)) + 1 for _ in range(300)))
    media = 4_000_000

    volumes = plan_volumes("site-1", FRONT, blobs, media)

    layout = Layout(FORMAT, "site-1", MANIFEST, len(volumes), volumes)
    assert max(size_of(volume, layout) for volume in volumes) <= media


@pytest.mark.parametrize("seed", range(8))
def test_every_byte_of_every_blob_lies_on_just_one_volume(seed: int) -> None:
    chance = random.Random(seed)
    blobs = blobs_of(*(int(chance.lognormvariate(12, 2)) + 1 for _ in range(300)))

    volumes = plan_volumes("site-1", FRONT, blobs, 4_000_000)

    content = encode_layout(Layout(FORMAT, "site-1", MANIFEST, 1, volumes))
    assert parse_layout(content, release(), blobs, "here").volumes == volumes


def test_a_blob_that_fits_a_volume_is_never_cut() -> None:
    blobs = blobs_of(900_000, 900_000, 900_000, 5_000_000)

    volumes = plan_volumes("site-1", FRONT, blobs, 1_200_000)

    cut = {piece.blob for volume in volumes for piece in volume.pieces}
    assert cut == {digest for digest, size in blobs.items() if size == 5_000_000}


def test_an_empty_blob_is_carried_too() -> None:
    (volume,) = pack(blobs_of(0), 2 << 20)

    assert list(volume.blobs.values()) == [0]


def test_blobs_fill_few_volumes() -> None:
    volumes = pack(blobs_of(*[600_000] * 5, *[390_000] * 5), 1_000_000)

    assert len(volumes) == 5


def test_the_order_of_the_blobs_does_not_matter() -> None:
    blobs = blobs_of(*range(1000, 900_000, 70_000))

    forth, back = (pack(dict(order), 1_000_000) for order in (blobs.items(), reversed(blobs.items())))

    assert forth == back


def test_media_too_small_are_refused_with_a_size_that_would_do() -> None:
    blobs = blobs_of(*[2_000_000] * 20)

    with pytest.raises(UsageError) as caught:
        plan_volumes("site-1", FRONT, blobs, 1_000_000)

    size = re.search(r"Use media of (\S+) or more", caught.value.hint)
    assert size is not None
    assert plan_volumes("site-1", FRONT, blobs, parse_size(size[1]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("site-2026.03.01-4", "site-2026.03.01-4.002.tar"), ("../../etc/x y", "_.._etc_x_y.002.tar")],
)
def test_a_volume_is_named_after_its_bundle_and_never_leads_elsewhere(name: str, expected: str) -> None:
    assert volume_name(name, 2) == expected


def test_pieces_get_their_own_digests() -> None:
    piece = Piece(MANIFEST, 0, 5, MANIFEST)
    digest = digest_of(b"piece")

    (volume,) = with_digests([Volume({}, (piece,))], {(MANIFEST, 0): digest})

    assert volume.pieces[0].digest == digest


BLOBS = blobs_of(100, 3000)
SMALL, LARGE = BLOBS
PIECES = (Piece(LARGE, 0, 2000, digest_of(b"1")), Piece(LARGE, 2000, 1000, digest_of(b"2")))
LAYOUT_OF_TWO = Layout(FORMAT, "site-1", MANIFEST, 1, (Volume({SMALL: 100}, PIECES[:1]), Volume({}, PIECES[1:])))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bundle": "site-2"}, "of the bundle site-2"),
        ({"manifest": digest_of(b"other")}, "of the bundle site-1"),
        ({"format": "pib/9"}, "of the bundle"),
        ({"number": 0}, "volume 0 of 2"),
        ({"number": 3}, "volume 3 of 2"),
        ({"volumes": LAYOUT_OF_TWO.volumes[:1]}, "does not place every blob"),
        ({"volumes": (*LAYOUT_OF_TWO.volumes, LAYOUT_OF_TWO.volumes[0])}, "does not place every blob"),
        ({"volumes": (Volume({SMALL: 99}, PIECES),)}, "does not place every blob"),
        ({"volumes": (Volume({SMALL: 100, MANIFEST: 1}, PIECES),)}, "does not place every blob"),
        ({"volumes": (Volume({SMALL: 100}, (*PIECES[:1], Piece(LARGE, 1999, 1001, MANIFEST))),)}, "does not place"),
        ({"volumes": (Volume({SMALL: 100}, (*PIECES, Piece(LARGE, 3000, -1, MANIFEST))),)}, "does not place"),
    ],
)
def test_a_layout_that_contradicts_the_manifest_is_refused(changes: dict[str, Any], reason: str) -> None:
    content = encode_layout(dataclasses.replace(LAYOUT_OF_TWO, **changes))

    with pytest.raises(BundleRefused, match=reason):
        parse_layout(content, release(), BLOBS, "volume")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", json.dumps({**json.loads(encode_layout(LAYOUT_OF_TWO)), "more": 1}).encode()],
    ids=["empty", "no object", "cut", "unknown key"],
)
def test_a_layout_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(BundleRefused, match="cannot be read"):
        parse_layout(content, release(), BLOBS, "volume")


@pytest.mark.parametrize(
    ("blobs", "pieces", "missing"),
    [
        (set(), set(), (1, 2)),
        ({SMALL}, set(), (1, 2)),
        ({SMALL}, {0}, (2,)),
        ({SMALL}, {2000}, (1,)),
        ({SMALL, LARGE}, set(), ()),
        ({SMALL}, {0, 2000}, ()),
    ],
)
def test_a_volume_is_missing_while_anything_on_it_is(blobs: set[str], pieces: set[int], missing: tuple[int]) -> None:
    found = missing_volumes(LAYOUT_OF_TWO, lambda digest, _: digest in blobs, lambda p: p.offset in pieces, BLOBS)

    assert found == missing


@pytest.mark.parametrize(
    ("ranges", "covered"),
    [([], False), ([(0, 10)], True), ([(5, 10), (0, 5)], True), ([(0, 4), (5, 10)], False), ([(0, 9)], False)],
)
def test_ranges_cover_when_they_leave_no_gap(ranges: list[tuple[int, int]], covered: bool) -> None:
    assert covers(ranges, 0, 10) is covered
