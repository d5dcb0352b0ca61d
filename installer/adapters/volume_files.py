"""Volumes as plain tar files: written so that the same content gives the same bytes, read without trust.

Only one header at a time is left to `tarfile`. What may follow a header, which kinds of entries there
are and how long anything is, is decided here, because a volume comes from outside.
"""

from __future__ import annotations

import os
import re
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from installer.adapters.blob_store import CHUNK, open_regular
from installer.engine.contents import CHECKSUMS, MANIFEST, RELEASE, SIGNATURE, WHOLE_RELEASE, WHOLE_SIGNATURE, inside
from installer.engine.volumes import BLOCK, END, padding
from installer.errors import BundleRefused, UsageError

_VOLUME = re.compile(r".+\.\d{3}\.tar\Z")
_MOST_EXTENDED = 64 << 10
_FRONT = (RELEASE, SIGNATURE, MANIFEST, CHECKSUMS, WHOLE_RELEASE, WHOLE_SIGNATURE)


@dataclass(frozen=True)
class Member:
    """A file of a medium; its bytes can be read until the next one is asked for."""

    name: str
    size: int
    medium: str
    _stream: BinaryIO

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes.

        Raises:
            BundleRefused: the medium ends before the file does.
        """
        left = self.size
        while left:
            chunk = _read(self._stream, min(CHUNK, left), self.medium)
            if not chunk:
                raise _cut_short(self.medium, self.name)
            left -= len(chunk)
            yield chunk


class TarVolume:
    """One volume; it is only ever read."""

    def __init__(self, path: Path) -> None:
        """Use the volume at `path`."""
        self._path = path
        self.name = str(path)

    def members(self) -> Iterator[Member]:
        """Yield the files of the volume, in their order.

        Raises:
            BundleRefused: it is cut short, or holds anything but plain files with plain names.
        """
        seen: set[str] = set()
        with _open_file(self._path) as stream:
            while (entry := self._entry(stream)) is not None:
                name, size = entry
                if not inside(name):
                    raise self._refused(f"the name {name!r}, which leads out of the bundle or is not plain")
                if name in seen:
                    raise self._refused(f"{name} twice")
                seen.add(name)
                begin = stream.tell()
                yield Member(name, size, self.name, stream)
                # Beyond the end of a volume cut short, there is no next header.
                stream.seek(begin + size + padding(size))

    def _entry(self, stream: BinaryIO) -> tuple[str, int] | None:
        """Return name and size of the next file, or None at the end."""
        block = self._block(stream, BLOCK)
        if block == END[:BLOCK]:
            if self._block(stream, BLOCK) != END[BLOCK:]:
                raise self._refused("something behind its end")
            return None
        header = self._header(block)
        extended: Mapping[str, str] = {}
        if header.type == tarfile.XHDTYPE:
            if header.size > _MOST_EXTENDED:
                raise self._refused("an extended header of unusual size")
            extended = self._extended(self._block(stream, header.size + padding(header.size))[: header.size])
            header = self._header(self._block(stream, BLOCK))
        if header.type != tarfile.REGTYPE or header.linkname:
            raise self._refused(f"{header.name!r}, which is a link, a device or another special entry")
        size = int(extended.get("size", header.size))
        if size < 0:
            raise self._refused(f"{header.name!r} with a negative size")
        return extended.get("path", header.name), size

    def _header(self, block: bytes) -> tarfile.TarInfo:
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise self._refused("bytes that are no tar header") from error

    def _extended(self, content: bytes) -> dict[str, str]:
        """Return the records of an extended header; only those that a volume needs are known."""
        records: dict[str, str] = {}
        while content:
            match = re.match(rb"(\d{1,5}) (path|size)=", content)
            length = int(match[1]) if match else 0
            if match is None or length > len(content) or content[length - 1 : length] != b"\n":
                raise self._refused("an extended header that no volume needs")
            records[match[2].decode()] = content[match.end() : length - 1].decode(errors="surrogateescape")
            content = content[length:]
        if not re.fullmatch(r"\d{1,18}", records.get("size", "0"), re.ASCII):
            raise self._refused("an extended header with a wrong size")
        return records

    def _block(self, stream: BinaryIO, size: int) -> bytes:
        content = _read(stream, size, self.name)
        while len(content) < size and (more := _read(stream, size - len(content), self.name)):
            content += more
        if len(content) < size:
            raise _cut_short(self.name, f"byte {stream.tell()}")
        return content

    def _refused(self, what: str) -> BundleRefused:
        return BundleRefused(
            f"The volume {self.name} holds {what}.",
            hint="It is damaged or forged: get this volume again from its maker.",
        )


class FolderMedium:
    """A bundle's folder, taken in like one volume; it is only ever read."""

    def __init__(self, root: Path) -> None:
        """Use the folder `root`."""
        self._root = root
        self.name = str(root)

    def members(self) -> Iterator[Member]:
        """Yield the files of the folder: first what says whether to trust it, then all others by name.

        Raises:
            BundleRefused: it holds anything but files and folders.
        """
        found = sorted(self._paths())
        for name in [*(name for name in _FRONT if name in found), *(name for name in found if name not in _FRONT)]:
            with _open_file(self._root / name, os.O_NOFOLLOW) as stream:
                yield Member(name, os.fstat(stream.fileno()).st_size, self.name, stream)

    def _paths(self) -> Iterator[str]:
        for folder, below, files in os.walk(self._root):
            for name in [*files, *below]:
                path = Path(folder) / name
                mode = path.lstat().st_mode
                if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                    raise BundleRefused(
                        f"{path} is a link or a special file; a bundle holds none.",
                        hint="Get the bundle again from its maker.",
                    )
                if stat.S_ISREG(mode):
                    yield path.relative_to(self._root).as_posix()


def find_media(places: Iterable[Path]) -> list[TarVolume | FolderMedium]:
    """Return the volumes and bundle folders at some places; a folder that is no bundle is searched for volumes.

    Raises:
        UsageError: there is nothing at a place.
    """
    media: dict[Path, TarVolume | FolderMedium] = {}
    for place in places:
        if not place.exists():
            raise UsageError(
                f"There is nothing at {place}.", hint="Name volumes, or folders that hold them, with --from."
            )
        if not place.is_dir():
            found: list[Path] = [place]
        elif (place / RELEASE).is_file():
            media[place] = FolderMedium(place)
            continue
        else:
            found = sorted(
                path for path in place.rglob("*.tar") if _VOLUME.match(path.name) and not path.name.startswith(".")
            )
        if not found:
            raise UsageError(
                f"There are no volumes below {place}.", hint="A volume's name ends in a number and .tar: .001.tar."
            )
        media.update((path, TarVolume(path)) for path in found)
    return list(media.values())


class VolumeFolder:
    """Where volumes are written to."""

    def __init__(self, root: Path) -> None:
        """Use the folder `root`, which is made on the first write."""
        self.root = root

    def has(self, name: str, size: int, beginning: bytes) -> bool:
        """Return whether a volume is there, whole: its last rename came after all its bytes."""
        path = self.root / name
        if not path.is_file() or path.stat().st_size != size:
            return False
        with path.open("rb") as stream:
            return stream.read(len(beginning)) == beginning

    def write(self, name: str, content: Iterable[bytes]) -> None:
        """Write a volume under its name, whole or not at all."""
        self.root.mkdir(parents=True, exist_ok=True)
        temporary = self.root / f".{name}.new"
        try:
            with temporary.open("wb", buffering=0) as stream:
                for chunk in content:
                    _write(stream, chunk)
                os.fsync(stream.fileno())
            temporary.replace(self.root / name)
        finally:
            temporary.unlink(missing_ok=True)

    def others(self, names: Iterable[str]) -> list[str]:
        """Return volumes in the folder that have none of these names."""
        known = set(names)
        return sorted(
            path.name for path in self.root.glob("*.tar") if _VOLUME.match(path.name) and path.name not in known
        )

    def free(self) -> int:
        """Return the bytes that are free for volumes."""
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize


def _open_file(path: Path, flags: int = 0) -> BinaryIO:
    try:
        return open_regular(path, flags)
    except OSError as error:
        raise BundleRefused(
            f"{path} cannot be read: {error.strerror}.", hint="Check the medium and its mount."
        ) from error


def _read(stream: BinaryIO, size: int, medium: str) -> bytes:
    try:
        return stream.read(size)
    except OSError as error:
        raise BundleRefused(
            f"{medium} cannot be read at byte {stream.tell()}: {error.strerror}.",
            hint="The medium is damaged: write this volume again. What was loaded stays.",
        ) from error


def _write(stream: BinaryIO, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[stream.write(left) :]


def _cut_short(medium: str, where: str) -> BundleRefused:
    return BundleRefused(
        f"{medium} is cut short: it ends within {where}.",
        hint="Write this volume again and load it; what was whole before its end stays.",
    )
