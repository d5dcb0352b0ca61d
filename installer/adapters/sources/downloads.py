"""Downloads into the store: streamed, resumed where the server allows, checked by digest.

What arrived of a file that broke off is kept by its digest, so that the next attempt goes on from
there, in this process or a later one. Kept bytes that turn out wrong are dropped and fetched once anew.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from installer.adapters.blob_store import CHUNK, BlobStore
from installer.adapters.sources.addresses import shown
from installer.adapters.sources.errors import DownloadFailed
from installer.adapters.sources.http import ATTEMPTS, Answer, Broken, HttpClient, Login, broken, refusal
from installer.errors import BundleRefused
from installer.model.artifact import Blob
from installer.model.events import Progress
from installer.ports import Reporter


@dataclass(frozen=True)
class Wanted:
    """What is to be fetched.

    Attributes:
        name: what to call it before the operator.
        digest: of its bytes; None takes what there is.
        size: in bytes; None when it is not known.
        login: what proves to its server who asks.
    """

    url: str
    name: str
    digest: str | None = None
    size: int | None = None
    login: Login | None = None


class Downloads:
    """Fetches files into a store. May be used by several threads and processes."""

    def __init__(self, store: BlobStore, client: HttpClient | None = None) -> None:
        """Put files into `store`."""
        self.store = store
        self.client = client or HttpClient()

    def fetch(self, wanted: Wanted, reporter: Reporter) -> Blob:
        """Have a file in the store; one that is there is not fetched again.

        Raises:
            DownloadFailed: the server does not answer, or not to the end.
            LoginRefused: the server wants another log-in.
            BundleRefused: the bytes have another digest.
        """
        try:
            return self._fetch(wanted, reporter)
        except DownloadFailed as error:
            summary = f"{wanted.name} cannot be had: {error.summary}"
            raise type(error)(summary, error.hint, error.details, error.status) from error

    def close(self) -> None:
        """Hang up."""
        self.client.close()

    def drop_leftovers(self) -> None:
        """Delete what there is of files that nothing waits for any more."""
        for path in (self.store.root / "partial").glob("*"):
            with suppress(FileNotFoundError, BlockingIOError), path.open("r+b") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    def _fetch(self, wanted: Wanted, reporter: Reporter) -> Blob:
        with _partial(self.store.root / "partial", wanted) as partial:
            # Another thread or process may have fetched it while this one waited.
            if wanted.digest is not None and self.store.has(wanted.digest):
                return Blob(wanted.digest, self.store.path(wanted.digest).stat().st_size)
            self._complete(wanted, partial, reporter)
            if partial.resumed and wanted.digest not in (None, partial.blob.digest):
                partial.start_over()
                self._complete(wanted, partial, reporter)
            blob = partial.blob
            if wanted.digest not in (None, blob.digest):
                partial.start_over()
                raise _wrong_bytes(wanted, f"the digest {blob.digest}")
            self.store.adopt(partial.path, blob.digest)
            return blob

    def _complete(self, wanted: Wanted, partial: _Partial, reporter: Reporter) -> None:
        """Fetch what is missing; only attempts that bring nothing new are counted."""
        best, failures = partial.size, 0
        while partial.size != wanted.size:
            if wanted.digest is None and not partial.tag:
                # Nothing would tell that the rest belongs to what is there.
                partial.start_over()
            try:
                if self._transfer(wanted, partial, reporter):
                    return
                reason: Exception = DownloadFailed("it answers with other parts than were asked for")
            except Broken as error:
                reason = error
            failures = failures + 1 if partial.size <= best else 1
            best = max(best, partial.size)
            if failures == ATTEMPTS:
                raise broken(wanted.url, reason) from reason
            self.client.wait(failures)

    def _transfer(self, wanted: Wanted, partial: _Partial, reporter: Reporter) -> bool:
        """Return whether the answer was the rest of the file, and was received to its end."""
        headers = {"Range": f"bytes={partial.size}-"} if partial.size else {}
        if partial.size and wanted.digest is None:
            headers["If-Range"] = partial.tag
        with self.client.open(wanted.url, headers, wanted.login) as answer:
            first, total = _extent(answer)
            if answer.status == 416 and total == partial.size:
                return True
            if answer.status not in (200, 206, 416):
                raise refusal(wanted.url, answer)
            if first != partial.size:
                # The whole file, or a part that was not asked for.
                partial.start_over()
            if first != partial.size:
                return False
            partial.resumed = partial.resumed or first > 0
            partial.tag = _strong_tag(answer)
            told = first
            while chunk := answer.read1(CHUNK):
                partial.append(chunk)
                if wanted.size is not None and partial.size > wanted.size:
                    partial.start_over()
                    raise _wrong_bytes(wanted, f"more than its {wanted.size} bytes")
                if partial.size - told >= CHUNK:
                    told = partial.size
                    reporter.emit(Progress(f"fetch {wanted.name}", "", told, wanted.size or total))
        return True


class _Partial:
    """What there is of a file so far, hashed as it grows."""

    def __init__(self, path: Path, stream: FileIO) -> None:
        self.path = path
        self.tag = ""
        self._stream = stream
        self._hasher = hashlib.sha256()
        self.size = 0
        while chunk := stream.read(CHUNK):
            self._hasher.update(chunk)
            self.size += len(chunk)
        self.resumed = self.size > 0

    @property
    def blob(self) -> Blob:
        """Return digest and size of what there is."""
        return Blob("sha256:" + self._hasher.hexdigest(), self.size)

    def append(self, chunk: bytes) -> None:
        """Write one chunk."""
        try:
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._stream.write(rest) :]
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise DownloadFailed(
                f"There is no room left in {self.path.parent}.", hint="Make room there; the download goes on from here."
            ) from error
        self._hasher.update(chunk)
        self.size += len(chunk)

    def start_over(self) -> None:
        """Drop what there is."""
        self._stream.seek(0)
        self._stream.truncate()
        self._hasher = hashlib.sha256()
        self.size = 0
        self.tag = ""
        self.resumed = False


@contextmanager
def _partial(folder: Path, wanted: Wanted) -> Iterator[_Partial]:
    """Yield what is there of a file, for this thread alone; an empty one is not kept."""
    folder.mkdir(parents=True, exist_ok=True)
    # Without a digest nothing tells whether bytes of an earlier run belong to the same file.
    named = wanted.digest.removeprefix("sha256:") if wanted.digest else hashlib.sha256(wanted.url.encode()).hexdigest()
    path = folder / named
    with _opened_alone(path) as stream:
        if wanted.digest is None:
            stream.truncate(0)
        partial = _Partial(path, stream)
        try:
            yield partial
        finally:
            if (not partial.size or wanted.digest is None) and _is_at(stream, path):
                path.unlink()


@contextmanager
def _opened_alone(path: Path) -> Iterator[FileIO]:
    """Open a file that others may be writing to, or taking away, once they are done."""
    while True:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0) as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if _is_at(stream, path):
                yield stream
                return


def _is_at(stream: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _extent(answer: Answer) -> tuple[int, int]:
    """Return where the answer's bytes begin in the file, and the file's size, 0 when it is not said."""
    if answer.status == 200:
        return 0, int(answer.headers.get("Content-Length") or 0)
    part, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    first = part.partition("-")[0]
    return int(first) if first.isdigit() else -1, int(total) if total.isdigit() else 0


def _strong_tag(answer: Answer) -> str:
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else ""


def _wrong_bytes(wanted: Wanted, found: str) -> BundleRefused:
    pinned = f", not {wanted.digest}" if wanted.digest else ""
    return BundleRefused(
        f"{wanted.name} from {shown(wanted.url)} has {found}{pinned}.",
        hint="The source is damaged or was changed. Compare with what upstream publishes before you pin it anew.",
    )
