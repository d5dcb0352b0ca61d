"""Write a bundle onto volumes that fit its media."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from installer.engine.contents import CHECKSUMS, MANIFEST, RELEASE, SIGNATURE, WHOLE_RELEASE, WHOLE_SIGNATURE, blob_path
from installer.engine.volumes import (
    END,
    LAYOUT,
    NoSpaceLeft,
    encode_layout,
    member_size,
    padding,
    piece_path,
    plan_volumes,
    tar_header,
    volume_name,
    with_digests,
)
from installer.errors import BundleRefused
from installer.model.artifact import digest_of
from installer.model.bundle import FORMAT, Manifest, Release
from installer.model.events import PhaseStarted, Progress, Warned
from installer.model.volumes import Layout, Piece, Volume
from installer.ports import Reporter
from installer.workflows.bundle_verify import TrustedBundle

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_TRUSTED = (RELEASE, SIGNATURE, MANIFEST, CHECKSUMS, WHOLE_RELEASE, WHOLE_SIGNATURE)


class BundleSource(Protocol):
    """Reads a bundle's folder."""

    def carried(self, release: Release, manifest: Manifest) -> Mapping[str, tuple[str, int]]:
        """Return digest and size of the files the bundle carries, by path."""

    def chunks(self, path: str, offset: int = 0, size: int = -1) -> Iterator[bytes]:
        """Yield a file's bytes, or a part of them."""


class VolumeWriter(Protocol):
    """Writes volumes into a folder."""

    @property
    def root(self) -> Path:
        """Return the folder."""

    def has(self, name: str, size: int, beginning: bytes) -> bool:
        """Return whether a volume that begins like this is there, whole."""

    def write(self, name: str, content: Iterable[bytes]) -> None:
        """Write a volume, whole or not at all."""

    def others(self, names: Iterable[str]) -> list[str]:
        """Return volumes in the folder that have none of these names."""

    def free(self) -> int:
        """Return the bytes that are free for volumes."""


@dataclass(frozen=True)
class WrittenVolume:
    """A volume on its medium; `written` is false when it was there already."""

    name: str
    size: int
    written: bool


@dataclass(frozen=True)
class _File:
    """A file of a volume, and where its bytes lie in the bundle's folder."""

    name: str
    digest: str
    size: int
    mode: int = 0o644
    path: str = ""
    offset: int = 0


def split_bundle(
    bundle: TrustedBundle, source: BundleSource, media: int, writer: VolumeWriter, workers: int, reporter: Reporter
) -> tuple[WrittenVolume, ...]:
    """Write the volumes of a bundle whose signature and manifest are good; each byte is checked on its way.

    Args:
        bundle: the bundle, its signature and manifest trusted.
        source: reads its folder.
        media: bytes a medium holds.
        writer: writes the volumes.
        workers: how many cut blobs are hashed at once.
        reporter: told how far it is.

    Raises:
        UsageError: the media are too small.
        BundleRefused: a file of the bundle is damaged; no volume with it is written.
        NoSpaceLeft: the disk is full; the same command goes on when there is space.
    """
    front = _front(bundle, source)
    held = source.carried(bundle.release, bundle.manifest)
    blobs = {digest: size for digest, size in bundle.manifest.blobs.items() if blob_path(digest) in held}
    planned = plan_volumes(bundle.release.id, {file.name: file.size for file in front}, blobs, media)
    volumes = with_digests(planned, _hash_pieces(planned, source, blobs, workers, reporter))
    layout = Layout(FORMAT, bundle.release.id, bundle.release.manifest, 1, volumes)
    images = [_Image(replace(layout, number=number), front, source) for number in range(1, len(volumes) + 1)]
    reporter.emit(PhaseStarted("split"))
    if others := writer.others(image.name for image in images):
        reporter.emit(Warned(f"{writer.root} holds volumes which are not of this set: {', '.join(others[:5])}."))
    total = sum(image.size for image in images)
    done = 0
    written = []
    for number, image in enumerate(images, 1):
        missing = not writer.has(image.name, image.size, image.beginning())
        if missing:
            try:
                told = Progress("split", image.name, done, total, items_done=number - 1, items=len(images))
                writer.write(image.name, _counted(image, told, reporter))
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                raise NoSpaceLeft(str(writer.root), total - done, writer.free()) from error
        done += image.size
        reporter.emit(Progress("split", image.name, done, total, items_done=number, items=len(images)))
        written.append(WrittenVolume(image.name, image.size, missing))
    return tuple(written)


class _Image:
    """One volume, byte by byte."""

    def __init__(self, layout: Layout, front: Sequence[_File], source: BundleSource) -> None:
        self.name = volume_name(layout.bundle, layout.number)
        self._source = source
        self._layout = encode_layout(layout)
        trusted = sum(file.name in _TRUSTED for file in front)
        self._before = front[:trusted]
        self._behind = [*front[trusted:], *_parts(layout.volumes[layout.number - 1])]
        sizes = [(file.name, file.size) for file in (*self._before, *self._behind)]
        self.size = len(END) + sum(member_size(name, size) for name, size in [*sizes, (LAYOUT, len(self._layout))])

    def beginning(self) -> bytes:
        """Return the bytes up to the end of `volumes.json`, which tells all that follows."""
        size = len(self._layout)
        layout = tar_header(LAYOUT, size) + self._layout + bytes(padding(size))
        return b"".join(chunk for file in self._before for chunk in self._member(file)) + layout

    def content(self) -> Iterator[bytes]:
        """Yield the bytes.

        Raises:
            BundleRefused: a file of the bundle has other bytes than were signed.
        """
        yield self.beginning()
        for file in self._behind:
            yield from self._member(file)
        yield END

    def _member(self, file: _File) -> Iterator[bytes]:
        yield tar_header(file.name, file.size, file.mode)
        hasher = hashlib.sha256()
        found = 0
        for chunk in self._source.chunks(file.path or file.name, file.offset, file.size):
            hasher.update(chunk)
            found += len(chunk)
            yield chunk
        if found != file.size or f"sha256:{hasher.hexdigest()}" != file.digest:
            raise _damaged(file.path or file.name)
        yield bytes(padding(file.size))


def _front(bundle: TrustedBundle, source: BundleSource) -> list[_File]:
    """Return what every volume repeats, first what the rest is trusted by when it is loaded."""
    release, manifest = bundle.release, bundle.manifest
    first = [name for name in _TRUSTED if release.base or name not in (WHOLE_RELEASE, WHOLE_SIGNATURE)]
    known = {MANIFEST: release.manifest, CHECKSUMS: release.checksums, **release.signed}
    found = []
    for path in (*first, *sorted({*manifest.files, *release.signed} - set(first))):
        if (described := manifest.files.get(path)) is not None:
            found.append(_File(path, described.digest, described.size, int(described.mode, 8)))
        else:
            content = b"".join(source.chunks(path))
            found.append(_File(path, known.get(path, digest_of(content)), len(content)))
    return found


def _parts(volume: Volume) -> list[_File]:
    blobs = [_File(blob_path(digest), digest, size) for digest, size in sorted(volume.blobs.items())]
    pieces = [_File(piece_path(p), p.digest, p.size, path=blob_path(p.blob), offset=p.offset) for p in volume.pieces]
    return blobs + pieces


def _counted(image: _Image, told: Progress, reporter: Reporter) -> Iterator[bytes]:
    done = told.done
    for chunk in image.content():
        done += len(chunk)
        reporter.emit(replace(told, done=done))
        yield chunk


def _damaged(path: str) -> BundleRefused:
    return BundleRefused(
        f"{path} has other bytes than were signed.", hint="No volume was written with it. Build the bundle again."
    )


def _hash_pieces(
    volumes: Sequence[Volume], source: BundleSource, blobs: Mapping[str, int], workers: int, reporter: Reporter
) -> dict[tuple[str, int], str]:
    """Return the digest of every piece by blob and offset, reading each cut blob once."""
    cut: dict[str, list[Piece]] = {}
    for volume in volumes:
        for piece in volume.pieces:
            cut.setdefault(piece.blob, []).append(piece)
    if not cut:
        return {}
    total = sum(blobs[digest] for digest in cut)
    done = 0

    def hash_blob(digest: str) -> dict[tuple[str, int], str]:
        whole = hashlib.sha256()
        found = {}
        for piece in sorted(cut[digest], key=lambda piece: piece.offset):
            own = hashlib.sha256()
            for chunk in source.chunks(blob_path(digest), piece.offset, piece.size):
                whole.update(chunk)
                own.update(chunk)
            found[digest, piece.offset] = f"sha256:{own.hexdigest()}"
        if f"sha256:{whole.hexdigest()}" != digest:
            raise _damaged(blob_path(digest))
        return found

    digests: dict[tuple[str, int], str] = {}
    with ThreadPoolExecutor(workers) as pool:
        for number, (digest, found) in enumerate(zip(cut, pool.map(hash_blob, cut), strict=True), 1):
            digests |= found
            done += blobs[digest]
            reporter.emit(Progress("hash pieces", digest, done, total, items_done=number, items=len(cut)))
    return digests
