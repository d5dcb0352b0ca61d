"""Opens the items of a bundle as whoever uses them would: images, charts, wheels and Debian packages."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import lzma
import os
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, cast

import zstandard

from installer.adapters.blob_store import CHUNK, BlobStore
from installer.model.artifact import Kind, LockedItem

# More memory than this for one stream's window is no layer that a host would unpack.
_MOST_WINDOW = 1 << 27
_BROKEN = (
    OSError, EOFError, ValueError, KeyError, TypeError, zlib.error, lzma.LZMAError, tarfile.TarError,
    zipfile.BadZipFile, zstandard.ZstdError,
)  # fmt: skip
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\x00": "xz"}


class ItemOpening:
    """Opens items out of a bundle's blobs; may be used by several threads."""

    def __init__(self, blobs: BlobStore) -> None:
        """Read from `blobs`, all of which were checked by digest."""
        self._blobs = blobs
        self._layers: dict[str, str] = {}
        self._guard = threading.Lock()

    def __call__(self, item: LockedItem) -> Sequence[str]:
        """Return what is wrong with an item; nothing when it opens."""
        try:
            match item.kind:
                case Kind.IMAGE:
                    return list(self._image(item.digest))
                case Kind.CHART:
                    return list(self._chart(item))
                case Kind.WHEEL:
                    return list(self._wheel(item))
                case Kind.PACKAGE:
                    return list(self._package(item))
        except _BROKEN as error:
            return [f"cannot be opened: {error}."]
        return []

    def _image(self, digest: str) -> Iterator[str]:
        document = self._json(digest)
        for child in document.get("manifests", ()):
            # A bundle may carry an index whole and only some of its platforms.
            if self._blobs.has(child["digest"]):
                yield from self._image(child["digest"])
        layers = [layer["digest"] for layer in document.get("layers", ())]
        if not layers or "config" not in document:
            return
        expected = self._json(document["config"]["digest"]).get("rootfs", {}).get("diff_ids")
        if expected is None:
            return
        if len(expected) != len(layers):
            yield f"has {len(layers)} layers and {len(expected)} diff_ids."
        for layer, diff_id in zip(layers, expected, strict=False):
            if (found := self._diff_id(layer)) != diff_id:
                yield f"the layer {layer} unpacks to {found}, not to {diff_id}."

    def _diff_id(self, digest: str) -> str:
        """Return the digest of a layer's unpacked bytes, all of whose entries could be read."""
        with self._guard:
            if digest in self._layers:
                return self._layers[digest]
        with self._blobs.path(digest).open("rb") as file, _unpacked(file) as stream:
            found = _read_tar(stream)
        with self._guard:
            self._layers[digest] = found
        return found

    def _chart(self, item: LockedItem) -> Iterator[str]:
        digest = next((blob.digest for blob in item.blobs if "helm.chart.content" in blob.media_type), item.digest)
        names: list[str] = []
        with self._blobs.path(digest).open("rb") as file, _unpacked(file) as stream:
            _read_tar(stream, names.append)
        if not any(name.count("/") == 1 and name.endswith("/Chart.yaml") for name in names):
            yield "holds no Chart.yaml."

    def _wheel(self, item: LockedItem) -> Iterator[str]:
        with zipfile.ZipFile(self._blobs.path(item.digest)) as wheel:
            if broken := wheel.testzip():
                yield f"{broken} inside is damaged."
            if not any(name.count("/") == 1 and name.endswith(".dist-info/METADATA") for name in wheel.namelist()):
                yield "holds no METADATA."

    def _package(self, item: LockedItem) -> Iterator[str]:
        found = set()
        with self._blobs.path(item.digest).open("rb") as file:
            for name, part in _archive_members(file):
                found.add(name.split(".")[0])
                if name.startswith(("control.tar", "data.tar")):
                    with _unpacked(part) as stream:
                        _read_tar(stream)
        if lacking := {"debian-binary", "control", "data"} - found:
            yield f"holds no {', '.join(sorted(lacking))}."

    def _json(self, digest: str) -> dict[str, Any]:
        document = json.loads(self._blobs.path(digest).read_bytes())
        if not isinstance(document, dict):
            raise ValueError(f"{digest} is no JSON object")
        return document


class _Hashing:
    """Reads a stream and hashes what was read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.hasher = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self.hasher.update(content)
        return content


class _Part:
    """A part of a file, as a stream."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(content)
        return content


def _read_tar(stream: BinaryIO, told: Callable[[str], None] | None = None) -> str:
    """Read a tar archive to its end, and return the digest of its bytes."""
    hashing = _Hashing(stream)
    with tarfile.open(fileobj=cast("BinaryIO", hashing), mode="r|", bufsize=CHUNK) as archive:
        for entry in archive:
            if told is not None:
                told(entry.name)
            archive.members.clear()  # type: ignore[attr-defined]
    while hashing.read(CHUNK):
        pass
    return "sha256:" + hashing.hasher.hexdigest()


@contextlib.contextmanager
def _unpacked(file: BinaryIO) -> Iterator[BinaryIO]:
    """Yield a stream's bytes uncompressed, in constant memory, whatever its media type says."""
    start = file.read(6)
    rest = cast("BinaryIO", _Joined(start, file))
    match next((name for magic, name in _MAGIC.items() if start.startswith(magic)), ""):
        case "gzip":
            with gzip.open(rest) as stream:
                yield cast("BinaryIO", stream)
        case "xz":
            with lzma.open(rest) as stream:
                yield cast("BinaryIO", stream)
        case "zstd":
            decompressor = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW)
            with decompressor.stream_reader(rest, read_across_frames=True, closefd=False) as reader:
                yield cast("BinaryIO", reader)
        case _:
            yield rest


class _Joined:
    """A stream with bytes that were read from it already before the rest."""

    def __init__(self, start: bytes, file: BinaryIO) -> None:
        self._start = start
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if self._start:
            taken = self._start if size < 0 else self._start[:size]
            self._start = self._start[len(taken) :]
            return taken + (self._file.read() if size < 0 else b"")
        return self._file.read(size)


def _archive_members(file: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    """Yield name and bytes of each member of a Debian package, which is an `ar` archive."""
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(8) != b"!<arch>\n":
        raise ValueError("it is no Debian package")
    while len(header := file.read(60)) == 60:
        size = int(header[48:58])
        begin = file.tell()
        if begin + size > end:
            raise EOFError("it is cut short")
        yield header[:16].decode("ascii").strip().rstrip("/"), cast("BinaryIO", _Part(file, size))
        file.seek(begin + size + size % 2)
