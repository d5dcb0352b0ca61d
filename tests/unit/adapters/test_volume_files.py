"""Volumes as tar files, which come from outside."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from installer.adapters.volume_files import FolderMedium, TarVolume, VolumeFolder, find_media
from installer.engine.volumes import END, padding, tar_header
from installer.errors import BundleRefused, UsageError

LONG = "pieces/" + "long" * 60


def plain(name: str, content: bytes = b"content") -> bytes:
    return tar_header(name, len(content)) + content + bytes(padding(len(content)))


def special(name: str, kind: bytes, link: str = "", size: int = 0) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, link, size
    return entry.tobuf(tarfile.USTAR_FORMAT)


def gnu_long_name(name: str) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = 7
    return entry.tobuf(tarfile.GNU_FORMAT) + b"content" + bytes(505)


def extended(records: bytes, name: str = "one") -> bytes:
    header = special("PaxHeader", tarfile.XHDTYPE, size=len(records))
    return header + records + bytes(padding(len(records))) + plain(name)


def negative_size() -> bytes:
    entry = tarfile.TarInfo("one")
    entry.size = -512
    return entry.tobuf(tarfile.GNU_FORMAT)


HOSTILE = {
    "absolute": (plain("/etc/passwd"), "leads out of the bundle"),
    "parent": (plain("../passwd"), "leads out of the bundle"),
    "parent inside": (plain("oci/../../passwd"), "leads out of the bundle"),
    "dot": (plain("./one"), "leads out of the bundle"),
    "control character": (plain("one\x1b[2J"), "not plain"),
    "empty name": (plain(""), "not plain"),
    "duplicate": (plain("one") + plain("one"), "one twice"),
    "symbolic link": (special("one", tarfile.SYMTYPE, "/etc/passwd"), "is a link, a device"),
    "hard link": (special("one", tarfile.LNKTYPE, "two"), "is a link, a device"),
    "link target on a file": (special("one", tarfile.REGTYPE, "/etc/passwd"), "is a link, a device"),
    "character device": (special("one", tarfile.CHRTYPE), "is a link, a device"),
    "block device": (special("one", tarfile.BLKTYPE), "is a link, a device"),
    "pipe": (special("one", tarfile.FIFOTYPE), "is a link, a device"),
    "folder": (special("one", tarfile.DIRTYPE), "is a link, a device"),
    "sparse file": (special("one", tarfile.GNUTYPE_SPARSE), "is a link, a device"),
    "global header": (special("one", tarfile.XGLTYPE), "is a link, a device"),
    "old long name": (gnu_long_name("x" * 150), "is a link, a device"),
    "extended path outside": (extended(b"20 path=/etc/passwd\n"), "leads out"),
    "extended link": (extended(b"24 linkpath=/etc/passwd\n"), "extended header that no volume needs"),
    "extended length": (extended(b"99999 path=two\n"), "extended header that no volume needs"),
    "extended negative size": (extended(b"11 size=-1\n"), "wrong size"),
    "extended header too large": (special("x", tarfile.XHDTYPE, size=1 << 30), "unusual size"),
    "negative size": (negative_size(), "negative size"),
    "no header": (b"\x01" * 512, "no tar header"),
    "bytes behind the end": (END[:512] + plain("one"), "behind its end"),
}


def names(path: Path) -> list[str]:
    return [member.name for member in TarVolume(path).members()]


@pytest.mark.parametrize(("entries", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_entry_is_refused(tmp_path: Path, entries: bytes, reason: str) -> None:
    volume = tmp_path / "x.001.tar"
    volume.write_bytes(plain("RELEASE") + entries + END)

    with pytest.raises(BundleRefused, match=reason):
        names(volume)


def test_entries_are_read_in_their_order(tmp_path: Path) -> None:
    volume = tmp_path / "x.001.tar"
    volume.write_bytes(plain("RELEASE", b"r") + plain(LONG, b"p" * 513) + plain("empty", b"") + END)

    found = [(member.name, b"".join(member.chunks())) for member in TarVolume(volume).members()]

    assert found == [("RELEASE", b"r"), (LONG, b"p" * 513), ("empty", b"")]


def test_stock_tar_reads_what_is_written() -> None:
    stream = io.BytesIO(plain("RELEASE", b"r") + plain(LONG, b"p" * 513) + END)

    with tarfile.open(fileobj=stream) as archive:
        assert [(entry.name, entry.size, entry.mtime, entry.uid) for entry in archive] == [
            ("RELEASE", 1, 0, 0),
            (LONG, 513, 0, 0),
        ]


def test_a_member_that_is_not_read_is_passed_over(tmp_path: Path) -> None:
    volume = tmp_path / "x.001.tar"
    volume.write_bytes(plain("one", b"1" * 2000) + plain("two") + END)

    assert names(volume) == ["one", "two"]


@pytest.mark.parametrize("kept", [0, 100, 512, 515, 1024, 1200, 1536, 2048, 2559])
def test_a_volume_cut_short_is_refused_wherever_it_ends(tmp_path: Path, kept: int) -> None:
    volume = tmp_path / "x.001.tar"
    volume.write_bytes((plain("one", b"1" * 600) + END)[:kept])

    with pytest.raises(BundleRefused, match="cut short"):
        for member in TarVolume(volume).members():
            list(member.chunks())


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["pipe", "folder"])
def test_a_volume_that_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x.001.tar")

    with pytest.raises(BundleRefused, match="no regular file"):
        names(tmp_path / "x.001.tar")


def test_a_folder_is_read_like_a_volume_with_what_it_is_trusted_by_first(tmp_path: Path) -> None:
    for name in ("a/b", "RELEASE", "SHA256SUMS", "manifest.json", "RELEASE.sig"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)

    found = [(member.name, b"".join(member.chunks()).decode()) for member in FolderMedium(tmp_path).members()]

    order = ["RELEASE", "RELEASE.sig", "manifest.json", "SHA256SUMS", "a/b"]
    assert found == [(name, name) for name in order]


def link_to_file(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/passwd")


def link_to_folder(folder: Path) -> None:
    (folder / "link").symlink_to("/etc")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


@pytest.mark.parametrize("make", [link_to_file, link_to_folder, pipe])
def test_a_folder_with_anything_but_files_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path)

    with pytest.raises(BundleRefused, match="is a link or a special file"):
        list(FolderMedium(tmp_path).members())


def test_volumes_are_found_at_any_depth_and_bundles_at_their_folder(tmp_path: Path) -> None:
    for name in ("disk/x.001.tar", "disk/deep/x.002.tar", "disk/.x.003.tar.new", "disk/other.tar", "bundle/RELEASE"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    media = find_media([tmp_path / "disk", tmp_path / "bundle", tmp_path / "disk" / "other.tar"])

    found = sorted(Path(medium.name).relative_to(tmp_path).as_posix() for medium in media)
    assert found == ["bundle", "disk/deep/x.002.tar", "disk/other.tar", "disk/x.001.tar"]


@pytest.mark.parametrize(("name", "reason"), [("missing", "nothing at"), ("empty", "no volumes below")])
def test_a_place_without_media_is_a_usage_error(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(UsageError, match=reason):
        find_media([tmp_path / name])


def test_a_volume_is_there_only_when_it_is_whole(tmp_path: Path) -> None:
    folder = VolumeFolder(tmp_path / "disk")

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        folder.write("x.001.tar", broken())

    assert list(folder.root.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "there"), [(b"same bytes", True), (b"same bytes and more", False), (b"sane bytes", False)]
)
def test_a_volume_is_kept_when_size_and_beginning_are_right(tmp_path: Path, content: bytes, there: bool) -> None:
    folder = VolumeFolder(tmp_path)
    folder.write("x.001.tar", [content])

    assert folder.has("x.001.tar", 10, b"same") is there


def test_volumes_of_another_set_are_told(tmp_path: Path) -> None:
    for name in ("x.001.tar", "old.001.tar", "backup.tar"):
        (tmp_path / name).touch()

    assert VolumeFolder(tmp_path).others(["x.001.tar"]) == ["old.001.tar"]
