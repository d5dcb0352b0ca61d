"""Decide what lies on which volume, and hold what a volume says of itself against the manifest."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from installer.engine.contents import blob_path
from installer.engine.sizes import format_size
from installer.errors import BundleRefused, UsageError
from installer.model.bundle import FORMAT, Release
from installer.model.volumes import Layout, Piece, Volume

LAYOUT = "volumes.json"
BLOCK = 512
END = bytes(2 * BLOCK)
MOST_VOLUMES = 999
LEAST_ROOM = 1 << 20  # less for blobs than this, and a volume carries hardly more than its front

_UNKNOWN = "sha256:" + 64 * "0"
_layout = TypeAdapter(Layout)


class NoSpaceLeft(BundleRefused):
    """A disk is full; what is whole stays, and the same command goes on when there is space."""

    def __init__(self, folder: str, wanted: int, free: int) -> None:
        self.missing = max(wanted - free, 1)
        super().__init__(
            f"The disk of {folder} is full: {format_size(wanted)} are to be written, {format_size(free)} are free.",
            hint=f"Make {format_size(self.missing)} free and run the same command again; what is whole stays.",
            details=["A file system that takes no files of this size, or a quota, says the same."],
        )


# ---------------------------------------------------------------- tar


def tar_header(name: str, size: int, mode: int = 0o644) -> bytes:
    """Return the blocks before a file's bytes: no owner, no time, so that the same content gives the same volume."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, mode
    return entry.tobuf(tarfile.PAX_FORMAT)


def padding(size: int) -> int:
    """Return the bytes after a file's own, up to the next block."""
    return -size % BLOCK


def member_size(name: str, size: int) -> int:
    """Return the bytes a file takes in a volume."""
    return len(tar_header(name, size)) + size + padding(size)


def piece_path(piece: Piece) -> str:
    """Return a piece's name in a volume; sorted by name, the pieces of a blob are in their order."""
    return f"pieces/{piece.blob.removeprefix('sha256:')}.{piece.offset:015}"


def volume_name(bundle: str, number: int) -> str:
    """Return the file name of a volume."""
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', bundle).lstrip('.')}.{number:03}.tar"


def parts(volume: Volume) -> dict[str, tuple[str, int]]:
    """Return digest and size of everything a volume carries behind its front, by name."""
    found = {blob_path(digest): (digest, size) for digest, size in sorted(volume.blobs.items())}
    found.update({piece_path(piece): (piece.digest, piece.size) for piece in volume.pieces})
    return found


# ---------------------------------------------------------------- packing


def plan_volumes(bundle: str, front: Mapping[str, int], blobs: Mapping[str, int], media: int) -> tuple[Volume, ...]:
    """Return what lies on which volume; the digests of pieces are left open.

    Args:
        bundle: the bundle's name.
        front: size of every file all volumes repeat, by name, without `volumes.json`.
        blobs: size of every blob, by digest.
        media: bytes a medium holds.

    Raises:
        UsageError: the media are too small for this bundle.
    """
    volumes = _fit(bundle, front, blobs, media)
    if volumes is not None:
        return volumes
    # Found by trying, in steps an operator can type; the front's own size depends on the number of volumes.
    low, high = media, max(media, 1) * 2
    while _fit(bundle, front, blobs, high) is None:
        low, high = high, high * 2
    while high - low > max(100_000, low // 200):
        middle = (low + high) // 2
        low, high = (middle, high) if _fit(bundle, front, blobs, middle) is None else (low, middle)
    repeated = sum(member_size(name, size) for name, size in front.items())
    raise UsageError(
        f"Media of {format_size(media)} are too small for the bundle {bundle}: "
        f"each volume repeats {format_size(repeated)}, and there are at most {MOST_VOLUMES}.",
        hint=f"Use media of {format_size(high)} or more.",
    )


def pack(blobs: Mapping[str, int], room: int) -> tuple[Volume, ...]:
    """Return the blobs in as few volumes as first-fit decreasing finds.

    A blob that no volume can hold fills volumes of its own but for its last piece, which is packed like a blob.

    Args:
        blobs: size of every blob, by digest.
        room: bytes of a volume behind its front.
    """
    full: list[Volume] = []
    loose: list[tuple[int, str, Piece | None]] = []
    for digest, size in sorted(blobs.items()):
        if member_size(blob_path(digest), size) <= room:
            loose.append((member_size(blob_path(digest), size), digest, None))
            continue
        *whole, last = _cut(digest, size, room)
        full += [Volume({}, (piece,)) for piece in whole]
        loose.append((member_size(piece_path(last), last.size), digest, last))
    left: list[int] = []
    filled: list[list[tuple[str, Piece | None]]] = []
    for taken, digest, piece in sorted(loose, key=lambda entry: (-entry[0], entry[1])):
        place = next((index for index, free in enumerate(left) if free >= taken), None)
        if place is None:
            place = len(left)
            left.append(room)
            filled.append([])
        left[place] -= taken
        filled[place].append((digest, piece))
    return (*full, *(_volume(entries, blobs) for entries in filled))


def with_digests(volumes: Iterable[Volume], digests: Mapping[tuple[str, int], str]) -> tuple[Volume, ...]:
    """Return the volumes with the digest of every piece.

    Args:
        volumes: as they were packed.
        digests: by blob and offset.
    """
    return tuple(
        replace(
            volume, pieces=tuple(replace(piece, digest=digests[piece.blob, piece.offset]) for piece in volume.pieces)
        )
        for volume in volumes
    )


def _fit(bundle: str, front: Mapping[str, int], blobs: Mapping[str, int], media: int) -> tuple[Volume, ...] | None:
    fixed = len(END) + sum(member_size(name, size) for name, size in front.items())
    reserve = 0
    # What volumes.json takes is known when the volumes are; it only grows while room shrinks.
    while (room := (media - fixed - member_size(LAYOUT, reserve)) // BLOCK * BLOCK) >= LEAST_ROOM:
        if sum(blobs.values()) > room * MOST_VOLUMES:
            return None
        volumes = pack(blobs, room)
        if len(volumes) > MOST_VOLUMES:
            return None
        needed = len(encode_layout(Layout(FORMAT, bundle, _UNKNOWN, MOST_VOLUMES, volumes)))
        if needed <= reserve:
            return volumes
        reserve = needed
    return None


def _cut(digest: str, size: int, room: int) -> list[Piece]:
    step = room - len(tar_header(piece_path(Piece(digest, 0, 0, _UNKNOWN)), room))
    step -= step % BLOCK
    return [Piece(digest, offset, min(step, size - offset), _UNKNOWN) for offset in range(0, size, step)]


def _volume(entries: list[tuple[str, Piece | None]], blobs: Mapping[str, int]) -> Volume:
    whole = {digest: blobs[digest] for digest, piece in sorted(entries, key=lambda entry: entry[0]) if piece is None}
    return Volume(whole, tuple(sorted((p for _, p in entries if p is not None), key=lambda p: (p.blob, p.offset))))


# ---------------------------------------------------------------- volumes.json


def encode_layout(layout: Layout) -> bytes:
    """Return the one way to write `volumes.json`."""
    return json.dumps(_layout.dump_python(layout, mode="json"), sort_keys=True, separators=(",", ":")).encode()


def parse_layout(content: bytes, release: Release, blobs: Mapping[str, int], where: str) -> Layout:
    """Return what a volume says lies on which, when the signed manifest says no other.

    Args:
        content: `volumes.json` as it stands.
        release: the volume's RELEASE, already trusted.
        blobs: size of every blob the bundle carries, by digest.
        where: the volume, for the message.

    Raises:
        BundleRefused: it cannot be read, is of another bundle, or contradicts the manifest.
    """
    try:
        layout = _layout.validate_json(content)
    except ValidationError as error:
        raise _refused(where, "cannot be read") from error
    if (layout.format, layout.bundle, layout.manifest) != (FORMAT, release.id, release.manifest):
        raise _refused(where, f"is of the bundle {layout.bundle}, and RELEASE of {release.id}")
    if not 1 <= layout.number <= len(layout.volumes):
        raise _refused(where, f"says volume {layout.number} of {len(layout.volumes)}")
    found: dict[str, list[tuple[int, int]]] = {}
    for volume in layout.volumes:
        for digest, size in volume.blobs.items():
            found.setdefault(digest, []).append((0, size))
        for piece in volume.pieces:
            found.setdefault(piece.blob, []).append((piece.offset, piece.offset + piece.size))
    if found.keys() != blobs.keys() or any(_seams(ranges) != blobs[digest] for digest, ranges in found.items()):
        raise _refused(where, "does not place every blob of the manifest once")
    return layout


def missing_volumes(
    layout: Layout, has_blob: Callable[[str, int], bool], has_piece: Callable[[Piece], bool], sizes: Mapping[str, int]
) -> tuple[int, ...]:
    """Return the numbers of the volumes that carry something which is not in yet.

    Args:
        layout: what lies on which volume.
        has_blob: whether a blob of a digest and size is in.
        has_piece: whether a piece is in.
        sizes: size of every blob, by digest.
    """
    return tuple(
        number
        for number, volume in enumerate(layout.volumes, 1)
        if not all(has_blob(digest, size) for digest, size in volume.blobs.items())
        or not all(has_blob(piece.blob, sizes[piece.blob]) or has_piece(piece) for piece in volume.pieces)
    )


def covers(ranges: Collection[tuple[int, int]], begin: int, end: int) -> bool:
    """Return whether ranges, each a beginning and an end, leave no gap between two places."""
    for first, last in sorted(ranges):
        if first > begin:
            break
        begin = max(begin, last)
    return begin >= end


def _seams(ranges: list[tuple[int, int]]) -> int:
    """Return where ranges end that follow each other without gap or overlap from 0; -1 when they do not."""
    end = 0
    for first, last in sorted(ranges):
        if first != end or last < first:
            return -1
        end = last
    return end


def _refused(where: str, what: str) -> BundleRefused:
    return BundleRefused(f"{LAYOUT} of {where} {what}.", hint="The volume is damaged or was changed; write it again.")
