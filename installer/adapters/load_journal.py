"""What of a bundle is in already, beside the folder it goes into until all of it is.

The folder's own bundle stays as it is, and usable, while volumes are taken in over days. Every file is
written under a temporary name, hashed on its way, synced and renamed: one that is there is whole. Only
pieces of cut blobs need a journal.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from installer.adapters.blob_store import hash_file, place
from installer.engine.contents import MANIFEST, blob_path
from installer.engine.volumes import covers
from installer.errors import BundleRefused
from installer.model.artifact import digest_of
from installer.model.volumes import Piece


class LoadingFolder:
    """`<bundle>.loading`, the folder of a load that is under way; one process may use it at a time."""

    def __init__(self, target: Path) -> None:
        """Load into the folder `target`; nothing is made before something is taken in."""
        self.target = target.resolve()
        self.root = self.target.with_name(self.target.name + ".loading")
        self._staged = self.root / "bundle"
        self._pieces = self.root / "pieces"
        self._journal = self.root / "journal"
        self._kept: set[str] = set()
        self._ranges: dict[str, list[tuple[int, int]]] = {}
        self._complete = False

    # ------------------------------------------------------------ what is there

    def resume(self, release: str) -> None:
        """Read what an earlier load of the same bundle left.

        Args:
            release: digest of RELEASE.

        Raises:
            BundleRefused: another bundle is half loaded, or the folder holds links.
        """
        self._refuse_links()
        for kind, *values in self._records():
            match kind:
                case "bundle" if values[0] != release:
                    raise BundleRefused(
                        f"Another bundle is half loaded into {self.target}: {values[1]}.",
                        hint=f"Load the rest of that one, or delete {self.root} to give it up.",
                    )
                case "kept":
                    self._kept.add(values[0])
                case "piece":
                    self._ranges.setdefault(values[0], []).append((values[1], values[2]))
                case "dropped":
                    self._ranges.pop(values[0], None)
                case "complete":
                    self._complete = True

    @property
    def complete(self) -> bool:
        """Return whether everything is in, and has only to be moved into its place."""
        return self._complete

    def present_manifest(self) -> str:
        """Return the digest of the manifest that the folder holds now; empty for none."""
        path = self.target / MANIFEST
        return digest_of(path.read_bytes()) if path.is_file() else ""

    def keep(self, blobs: Mapping[str, int], workers: int, count: Callable[[str, int], None]) -> None:
        """Find which blobs the folder holds already, reading each once, whatever number of volumes follows.

        Args:
            blobs: size by digest.
            workers: how many are read at once.
            count: called with a digest and its bytes after each.
        """
        present = [
            digest
            for digest, size in sorted(blobs.items(), key=lambda entry: -entry[1])
            if digest not in self._kept
            and not self._in_stage(digest)
            and _size(self.target / blob_path(digest)) == size
        ]
        with ThreadPoolExecutor(workers) as pool:
            found = pool.map(lambda digest: hash_file(self.target / blob_path(digest)).digest, present)
            for digest, other in zip(present, found, strict=True):
                count(digest, blobs[digest])
                if other == digest:
                    self._kept.add(digest)

    def begin(self, release: str, bundle: str) -> None:
        """Begin to take in, or go on: what is kept is written down, and what a killed load was writing is deleted."""
        self._staged.mkdir(parents=True, exist_ok=True)
        self._pieces.mkdir(exist_ok=True)
        for path in self.root.rglob(".incoming-*"):
            path.unlink()
        records = list(self._records())
        if self._journal.is_file():
            os.truncate(self._journal, self._journal.read_bytes().rfind(b"\n") + 1)
        header = [] if records else [("bundle", release, bundle)]
        known = {record[1] for record in records if record[0] == "kept"}
        self._write_down(*header, *(("kept", digest) for digest in sorted(self._kept - known)))

    def has_file(self, path: str) -> bool:
        """Return whether a file beside the blobs was taken in."""
        return (self._staged / path).is_file()

    def has_blob(self, digest: str, size: int) -> bool:
        """Return whether a blob was taken in, or was in the folder before."""
        return self._in_stage(digest) or (digest in self._kept and _size(self.target / blob_path(digest)) == size)

    def has_piece(self, piece: Piece) -> bool:
        """Return whether a piece was taken in."""
        ranges = self._ranges.get(piece.blob, ())
        return self._partial(piece.blob).is_file() and covers(ranges, piece.offset, piece.offset + piece.size)

    def free(self) -> int:
        """Return the bytes that are free for what is taken in."""
        place = next(path for path in (self.root, *self.root.parents) if path.is_dir())
        return shutil.disk_usage(place).free

    # ------------------------------------------------------------ taking in

    def take(self, path: str, digest: str, mode: int, medium: str, chunks: Iterable[bytes]) -> None:
        """Take in a file whole.

        Raises:
            BundleRefused: its bytes are not those that were signed; nothing is kept of them.
        """
        target = self._staged / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".incoming-{target.name}")
        try:
            with temporary.open("wb", buffering=0) as stream:
                found = _write_all(stream.write, chunks)
                os.fsync(stream.fileno())
            if found != digest:
                raise _wrong_bytes(path, medium)
            temporary.chmod(mode)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def take_piece(self, piece: Piece, medium: str, chunks: Iterable[bytes]) -> None:
        """Take in a piece of a cut blob.

        Raises:
            BundleRefused: its bytes are not those that `volumes.json` names.
        """
        partial = self._partial(piece.blob)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT, 0o644), "wb", buffering=0) as stream:
            stream.seek(piece.offset)
            found = _write_all(stream.write, chunks)
            os.fsync(stream.fileno())
        if found != piece.digest:
            raise _wrong_bytes(f"the piece of {piece.blob} at {piece.offset}", medium)
        self._write_down(("piece", piece.blob, piece.offset, piece.offset + piece.size))
        self._ranges.setdefault(piece.blob, []).append((piece.offset, piece.offset + piece.size))

    def join(self, digest: str, size: int) -> None:
        """Make a blob of its pieces, when all are in.

        Raises:
            BundleRefused: together they are not the blob that was signed; they are dropped.
        """
        partial = self._partial(digest)
        if self.has_blob(digest, size) or not partial.is_file() or not covers(self._ranges.get(digest, ()), 0, size):
            return
        if hash_file(partial).digest != digest:
            partial.unlink()
            self._write_down(("dropped", digest))
            self._ranges.pop(digest, None)
            raise BundleRefused(
                f"The pieces of {digest} do not make the blob that was signed.",
                hint="A volume was changed: get the volumes that carry it again, and load them.",
            )
        target = self._staged / blob_path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target)

    # ------------------------------------------------------------ the end

    def finish(self) -> None:
        """Write down that everything is in: from here on, no medium is needed."""
        self._write_down(("complete",))
        self._complete = True

    def move(self, last: Sequence[str]) -> None:
        """Move everything that was taken in to its place in the target.

        Args:
            last: files that come after all others, in this order.
        """
        order = {path: number for number, path in enumerate(last)}
        staged = [path.relative_to(self._staged).as_posix() for path in self._staged.rglob("*") if path.is_file()]
        folders = {self.target}
        for path in sorted(staged, key=lambda path: (order.get(path, -1), path)):
            target = self.target / path
            self._clear_way(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            _move(self._staged / path, target)
            folders.add(target.parent)
        for folder in folders:
            _sync_folder(folder)

    def end(self) -> None:
        """Delete what the load needed; the journal last."""
        for path in (self._pieces, self._staged):
            shutil.rmtree(path, ignore_errors=True)
        self._journal.unlink(missing_ok=True)
        self.root.rmdir()

    def _clear_way(self, target: Path) -> None:
        """Delete a file of the old bundle where the new one has a folder, and the other way round."""
        for parent in target.parents:
            if parent == self.target:
                break
            if parent.is_file():
                parent.unlink()
        if target.is_dir():
            shutil.rmtree(target)

    def _refuse_links(self) -> None:
        for folder, below, _ in os.walk(self.target):
            for name in below:
                if (path := Path(folder) / name).is_symlink():
                    raise BundleRefused(
                        f"{path} is a link; a bundle's folder holds none.", hint="Put a folder in its place."
                    )

    def _in_stage(self, digest: str) -> bool:
        return (self._staged / blob_path(digest)).is_file()

    def _partial(self, digest: str) -> Path:
        return self._pieces / digest.removeprefix("sha256:")

    def _records(self) -> Iterator[list[Any]]:
        """Yield what was written down; a last line without its end was being written when the load was killed."""
        if self._journal.is_file():
            lines = self._journal.read_bytes().splitlines(keepends=True)
            yield from (json.loads(line) for line in lines if line.endswith(b"\n"))

    def _write_down(self, *records: Sequence[Any]) -> None:
        with self._journal.open("ab") as stream:
            stream.write("".join(json.dumps(record) + "\n" for record in records).encode())
            stream.flush()
            os.fsync(stream.fileno())


def _write_all(write: Callable[[Any], int], chunks: Iterable[bytes]) -> str:
    hasher = hashlib.sha256()
    for chunk in chunks:
        hasher.update(chunk)
        left = memoryview(chunk)
        while left:
            left = left[write(left) :]
    return "sha256:" + hasher.hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() and not path.is_symlink() else -1


def _move(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        target.unlink(missing_ok=True)
        place(source, target)
        target.chmod(source.stat().st_mode)
        source.unlink()


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _wrong_bytes(path: str, medium: str) -> BundleRefused:
    return BundleRefused(
        f"{path} on {medium} has other bytes than were signed.",
        hint="Write this volume again and load it; what is whole stays.",
    )
