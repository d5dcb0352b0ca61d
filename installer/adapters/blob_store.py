"""Blobs by digest on disk, laid out as an OCI image layout keeps them.

A blob is written under a temporary name, hashed on its way, synced and renamed: one that is there
is whole, whatever was killed before.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from installer.errors import BundleRefused
from installer.model.artifact import Blob, check_digest, digest_of

CHUNK = 1 << 20
_INCOMING = "new-"


def hash_file(path: Path) -> Blob:
    """Return digest and size of a file, reading it once in constant memory."""
    hasher = hashlib.sha256()
    size = 0
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK):
            hasher.update(chunk)
            size += len(chunk)
    return Blob("sha256:" + hasher.hexdigest(), size)


def open_regular(path: Path, flags: int = 0) -> BinaryIO:
    """Open a file for reading that may be anything: a pipe never makes this wait for a writer.

    Args:
        path: the file.
        flags: more of `os.open`'s: `os.O_NOFOLLOW` refuses a link.

    Raises:
        OSError: it is missing, or no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb", buffering=0)


class BlobStore:
    """A directory `blobs/sha256/<hex>`; any number of processes may write to it."""

    def __init__(self, root: Path) -> None:
        """Use the directory `root`, which is made on the first write."""
        self.root = root
        self._blobs = root / "blobs" / "sha256"
        self._incoming = root / "incoming"
        self._swept = False

    def has(self, digest: str) -> bool:
        """Return whether the blob is there."""
        return self._location(digest).is_file()

    def path(self, digest: str) -> Path:
        """Return where the blob lies.

        Raises:
            KeyError: it is not there.
        """
        location = self._location(digest)
        if not location.is_file():
            raise KeyError(digest)
        return location

    def drop_damaged(self, digests: Collection[str], workers: int) -> tuple[str, ...]:
        """Read blobs again, and forget those that are no longer what they were.

        A bundle shares its blobs' bytes with the store, so that what damages the one damages the other.

        Args:
            digests: the blobs; one that is not there is passed over.
            workers: how many are read side by side.
        """
        there = [digest for digest in digests if self.has(digest)]
        with ThreadPoolExecutor(workers) as pool:
            found = pool.map(lambda digest: hash_file(self._location(digest)).digest, there)
            damaged = tuple(digest for digest, now in zip(there, found, strict=True) if digest != now)
        for digest in damaged:
            self._location(digest).unlink(missing_ok=True)
        return damaged

    def put(self, content: BinaryIO, expected: str | None = None) -> Blob:
        """Take bytes in by streaming.

        Raises:
            BundleRefused: `expected` was given and the bytes have another digest.
        """
        with self.writer(expected) as write:
            while chunk := content.read(CHUNK):
                write(chunk)
        return write.blob

    def put_bytes(self, content: bytes, media_type: str = "application/octet-stream") -> Blob:
        """Take a small document in."""
        digest = digest_of(content)
        if not self.has(digest):
            with self.writer(digest) as write:
                write(content)
        return Blob(digest, len(content), media_type)

    def put_file(self, path: Path, expected: str | None = None) -> Blob:
        """Take a file in by hard link where the file system allows, else by copy.

        The caller gives the file away: it must not be written to afterwards.
        """
        blob = hash_file(path)
        if expected is not None and blob.digest != expected:
            raise _wrong_bytes(path.name, expected, blob.digest)
        _sync(path)
        self.link_from(path, blob.digest)
        return blob

    def adopt(self, path: Path, digest: str) -> None:
        """Take in a file whose digest the caller has just computed, by renaming it."""
        _sync(path)
        path.chmod(0o644)
        location = self._location(digest)
        location.parent.mkdir(parents=True, exist_ok=True)
        path.replace(location)

    def link_from(self, path: Path, digest: str) -> None:
        """Take in a file whose digest the caller has just checked."""
        place(path, self._location(digest))

    @contextlib.contextmanager
    def writer(self, expected: str | None = None) -> Iterator[BlobWriter]:
        """Yield a writer; on leaving, the blob is in the store or nothing is."""
        with self._new_file() as stream:
            temporary = Path(stream.name)
            try:
                writer = BlobWriter(stream)
                yield writer
                stream.flush()
                os.fsync(stream.fileno())
                if expected is not None and writer.blob.digest != expected:
                    raise _wrong_bytes("content", expected, writer.blob.digest)
                location = self._location(writer.blob.digest)
                location.parent.mkdir(parents=True, exist_ok=True)
                temporary.chmod(0o644)
                temporary.replace(location)
            finally:
                temporary.unlink(missing_ok=True)

    def _new_file(self) -> BinaryIO:
        """Open a new file below `incoming`, locked, so that no sweep takes it for one left behind."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        with (self._incoming / ".lock").open("a") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            if not self._swept:
                self._swept = True
                for left in self._incoming.glob(f"{_INCOMING}*"):
                    _remove_abandoned(left)
            descriptor, name = tempfile.mkstemp(dir=self._incoming, prefix=_INCOMING)
            os.close(descriptor)
            stream = Path(name).open("wb")
            fcntl.flock(stream, fcntl.LOCK_EX)
            return stream

    def _location(self, digest: str) -> Path:
        return self._blobs / check_digest(digest).removeprefix("sha256:")


class BlobWriter:
    """Writes to a stream and hashes what it writes."""

    def __init__(self, stream: BinaryIO) -> None:
        """Write to `stream`, which the caller closes."""
        self._stream = stream
        self._hasher = hashlib.sha256()
        self._size = 0

    def __call__(self, chunk: bytes) -> None:
        """Write one chunk."""
        self._stream.write(chunk)
        self._hasher.update(chunk)
        self._size += len(chunk)

    @property
    def blob(self) -> Blob:
        """Return what was written so far."""
        return Blob("sha256:" + self._hasher.hexdigest(), self._size)


def place(source: Path, target: Path) -> None:
    """Put a file at `target` by hard link, or by a synced copy on another file system."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # A link to a link would share the link.
        os.link(source.resolve(), target)
    except FileExistsError:
        return
    except OSError:
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with source.open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
            shutil.copyfileobj(reader, writer, CHUNK)
            writer.flush()
            os.fsync(writer.fileno())
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _remove_abandoned(path: Path) -> None:
    """Delete what a killed process was writing; a living one holds a lock on it."""
    with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _wrong_bytes(what: str, expected: str, found: str) -> BundleRefused:
    return BundleRefused(
        f"The bytes of {what} have the digest {found}, not {expected}.",
        hint="The source or the medium is damaged or was changed; get it again.",
    )
