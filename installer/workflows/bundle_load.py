"""Take a bundle in from its media, one at a time and in any order."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from installer.engine.contents import CHECKSUMS, MANIFEST, RELEASE, SIGNATURE, listing
from installer.engine.sizes import format_size
from installer.engine.volumes import NoSpaceLeft, missing_volumes, parts, piece_path
from installer.errors import BundleRefused
from installer.model.artifact import digest_of
from installer.model.events import Notice, PhaseStarted, Progress, Warned
from installer.model.volumes import Piece
from installer.ports import Reporter
from installer.workflows.bundle_front import Front, Medium, Member, Trust, common_front, read_front

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_MOST_SIGNED = 256 << 20  # bytes of a file whose digest is signed and whose size is not
# What makes the folder a bundle comes last.
_LAST = (MANIFEST, CHECKSUMS, SIGNATURE, RELEASE)


class Loading(Protocol):
    """Remembers what is in, beside the folder it goes into."""

    @property
    def root(self) -> Path:
        """Return where it lies."""

    def resume(self, release: str) -> None:
        """Read what an earlier load of the same bundle left, or refuse when it was of another."""

    @property
    def complete(self) -> bool:
        """Return whether everything is in, and has only to be moved into its place."""

    def present_manifest(self) -> str:
        """Return the digest of the manifest that the folder holds now; empty for none."""

    def keep(self, blobs: Mapping[str, int], workers: int, count: Callable[[str, int], None]) -> None:
        """Find which blobs the folder holds already."""

    def begin(self, release: str, bundle: str) -> None:
        """Begin to take in, or go on."""

    def has_file(self, path: str) -> bool:
        """Return whether a file beside the blobs was taken in."""

    def has_blob(self, digest: str, size: int) -> bool:
        """Return whether a blob was taken in, or was in the folder before."""

    def has_piece(self, piece: Piece) -> bool:
        """Return whether a piece was taken in."""

    def free(self) -> int:
        """Return the bytes that are free for what is taken in."""

    def take(self, path: str, digest: str, mode: int, medium: str, chunks: Iterable[bytes]) -> None:
        """Take in a file whole, or refuse it."""

    def take_piece(self, piece: Piece, medium: str, chunks: Iterable[bytes]) -> None:
        """Take in a piece of a cut blob, or refuse it."""

    def join(self, digest: str, size: int) -> None:
        """Make a blob of its pieces, when all are in."""

    def finish(self) -> None:
        """Write down that everything is in."""

    def move(self, last: Sequence[str]) -> None:
        """Move everything to its place in the folder."""

    def end(self) -> None:
        """Delete what the load needed."""


class Target(Protocol):
    """The folder a bundle goes into."""

    def refuse_foreign(self, paths: Iterable[str]) -> None:
        """Refuse a folder that is something else than a bundle."""

    def prune(self, keep: Collection[str]) -> None:
        """Delete every file that does not belong to the bundle."""


@dataclass(frozen=True)
class LoadReport:
    """How far a bundle is in.

    Attributes:
        bundle: the bundle's name.
        complete: the folder holds the whole bundle, checked.
        missing: numbers of the volumes still to be loaded.
        volumes: how many there are.
        loaded: bytes taken in by this command.
        kept: bytes that were in already and were not read again.
    """

    bundle: str
    complete: bool
    missing: tuple[int, ...]
    volumes: int
    loaded: int
    kept: int


def load_bundle(
    media: Sequence[Medium], loading: Loading, target: Target, trust: Trust, workers: int, reporter: Reporter
) -> LoadReport:
    """Take in what the media carry; when all of the bundle is in, make the folder that bundle.

    Args:
        media: volumes and bundle folders.
        loading: remembers what is in.
        target: the folder the bundle goes into.
        trust: what decides whether the bundle may be used.
        workers: how many files that the folder holds already are read at once.
        reporter: told how far it is.

    Raises:
        BundleRefused: a medium is damaged or not trusted, or they are of several bundles.
        NoSpaceLeft: the disk is full; the same command goes on when there is space.
    """
    reporter.emit(PhaseStarted("trust"))
    front = common_front(media, trust)
    target.refuse_foreign(front.files)
    loading.resume(front.identity)
    load = _Load(front, loading, reporter)
    if not loading.complete:
        _find_kept(front, loading, workers, reporter)
    try:
        if not loading.complete:
            loading.begin(front.identity, front.whole.id)
            load.run(media, trust)
            if missing := load.missing():
                return load.report(missing)
            for path, content in front.texts.items():
                loading.take(path, digest_of(content), 0o644, front.whole.id, [content])
            loading.finish()
        loading.move(_LAST)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NoSpaceLeft(str(loading.root.parent), load.to_do(), loading.free()) from error
    target.prune({*listing(front.manifest), *front.whole.signed})
    loading.end()
    return load.report(())


def _find_kept(front: Front, loading: Loading, workers: int, reporter: Reporter) -> None:
    """Find what the folder holds already, and refuse a delta whose base it does not hold whole."""
    base = front.release.base
    if base and loading.present_manifest() not in (base, front.release.manifest):
        raise BundleRefused(
            f"The delta {front.release.id} stands on a bundle which is not there: its manifest is {base}.",
            hint="Nothing was touched. Load that bundle first, or load the whole bundle instead of the delta.",
        )
    reporter.emit(PhaseStarted("keep"))
    total = sum(front.manifest.blobs.values())
    done = found = 0

    def count(name: str, amount: int) -> None:
        nonlocal done, found
        done += amount
        found += 1
        reporter.emit(Progress("keep", name, done, total, items_done=found, items=len(front.manifest.blobs)))

    loading.keep(front.manifest.blobs, workers, count)
    lacking = [
        digest
        for digest, size in sorted(front.manifest.blobs.items())
        if digest not in front.blobs and not loading.has_blob(digest, size)
    ]
    if lacking:
        raise BundleRefused(
            f"The base of the delta {front.release.id} is not whole: {len(lacking)} blobs lack or are damaged.",
            hint="Nothing was touched. Load the base's volumes again, or the whole bundle instead of the delta.",
            details=lacking[:20],
        )


class _Load:
    """One command's work on the media."""

    def __init__(self, front: Front, loading: Loading, reporter: Reporter) -> None:
        self._front = front
        self._loading = loading
        self._reporter = reporter
        self._loaded = 0
        self._total = sum(front.blobs.values())
        self._kept = 0
        self._items_in = 0
        self._items = sum(len(parts(volume)) for volume in front.layout.volumes)

    def run(self, media: Sequence[Medium], trust: Trust) -> None:
        """Take in all media, then join the pieces of cut blobs."""
        self._kept = self._total - self.to_do()
        self._items_in = self._items - sum(1 for _ in self._lacking())
        if self.to_do() > self._loading.free():
            text = (
                f"{format_size(self.to_do())} are still to be loaded, and {format_size(self._loading.free())} are free."
            )
            self._reporter.emit(Warned(text))
        for medium in media:
            # Trusted anew: what is unpacked is behind a front that was read in the same pass.
            front, members = read_front(medium, medium.members(), trust)
            if front.identity != self._front.identity:
                raise BundleRefused(f"{medium.name} was changed while it was read.", hint="Run the same command again.")
            number, count = front.layout.number, len(front.layout.volumes)
            self._reporter.emit(Notice(f"{medium.name}: volume {number} of {count}."))
            self._take_in(medium, front, members)
            for piece in (piece for volume in front.layout.volumes for piece in volume.pieces):
                self._loading.join(piece.blob, front.blobs[piece.blob])

    def missing(self) -> tuple[int, ...]:
        """Return the numbers of the volumes that carry something which is not in."""
        return missing_volumes(self._front.layout, self._loading.has_blob, self._loading.has_piece, self._front.blobs)

    def to_do(self) -> int:
        """Return the bytes of all volumes that are not in."""
        return sum(self._lacking())

    def _lacking(self) -> Iterator[int]:
        """Yield the size of every blob and piece that is not in."""
        has_blob, has_piece, sizes = self._loading.has_blob, self._loading.has_piece, self._front.blobs
        for volume in self._front.layout.volumes:
            yield from (size for digest, size in volume.blobs.items() if not has_blob(digest, size))
            for piece in volume.pieces:
                if not has_blob(piece.blob, sizes[piece.blob]) and not has_piece(piece):
                    yield piece.size

    def report(self, missing: tuple[int, ...]) -> LoadReport:
        """Return how far the bundle is in."""
        volumes = len(self._front.layout.volumes)
        return LoadReport(self._front.whole.id, not missing, missing, volumes, self._loaded, self._kept)

    def _take_in(self, medium: Medium, front: Front, members: Iterator[Member]) -> None:
        expected = {**front.files, **parts(front.volume)}
        pieces = {piece_path(piece): piece for piece in front.volume.pieces}
        seen = set()
        for member in members:
            if member.name not in expected:
                raise _unexpected(medium, member.name, "is not listed for this volume")
            digest, size = expected[member.name]
            if size not in (-1, member.size) or (size < 0 and member.size > _MOST_SIGNED):
                raise _unexpected(
                    medium, member.name, f"has {member.size} bytes, not the {max(size, 0)} that were signed"
                )
            seen.add(member.name)
            if piece := pieces.get(member.name):
                if not (self._loading.has_blob(piece.blob, front.blobs[piece.blob]) or self._loading.has_piece(piece)):
                    self._loading.take_piece(piece, medium.name, self._counted(member))
            elif member.name in front.files:
                if not self._loading.has_file(member.name):
                    described = front.manifest.files.get(member.name)
                    mode = int(described.mode, 8) if described else 0o644
                    self._loading.take(member.name, digest, mode, medium.name, member.chunks())
            elif not self._loading.has_blob(digest, size):
                self._loading.take(member.name, digest, 0o644, medium.name, self._counted(member))
        if lacking := sorted(expected.keys() - seen):
            raise BundleRefused(
                f"{medium.name} lacks {lacking[0]}" + (f" and {len(lacking) - 1} more." if lacking[1:] else "."),
                hint="Write this volume again and load it; what is whole stays.",
            )

    def _counted(self, member: Member) -> Iterator[bytes]:
        for chunk in member.chunks():
            self._loaded += len(chunk)
            self._tell(member)
            yield chunk
        self._items_in += 1
        self._tell(member)

    def _tell(self, member: Member) -> None:
        done, items_in, items = self._kept + self._loaded, self._items_in, self._items
        self._reporter.emit(Progress("load", member.name, done, self._total, items_done=items_in, items=items))


def _unexpected(medium: Medium, name: str, what: str) -> BundleRefused:
    return BundleRefused(
        f"{name} on {medium.name} {what}.", hint="The volume is damaged or forged: get it again from its maker."
    )
