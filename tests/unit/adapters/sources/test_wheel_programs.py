"""An image has a program out of a pinned wheel, and is another image when the wheel is."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.images import Inputs, compose
from installer.adapters.sources.wheel_files import WheelLacksFile
from installer.adapters.sources.wheel_programs import read_wheels
from installer.model.artifact import Blob, ImageBuild, Kind, LockedItem, WheelFile

MEMBER = "router_bin-1.2.data/scripts/router"
PROGRAM = WheelFile("router", "router-bin==1.2", "router_bin-{version}.data/scripts/router", "MIT")
DECLARED = {"/usr/local/bin/router": PROGRAM}
BUILD = ImageBuild(entrypoint=("/usr/local/bin/router",), user="65532:65532", wheel_programs=DECLARED)


class OneWheel:
    """Has a wheel that holds one file."""

    def __init__(self, store: BlobStore, content: bytes, member: str = MEMBER) -> None:
        self._store, self._content, self._member = store, content, member
        self.asked: list[tuple[str, str]] = []

    def wheel(self, requirement: str, scope: str) -> LockedItem:
        self.asked.append((requirement, scope))
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(zipfile.ZipInfo(self._member), self._content)
        blob = self._store.put_bytes(content.getvalue(), "application/zip")
        return LockedItem(Kind.WHEEL, "router-bin", "1.2", blob.digest, (blob,), {"type": "pypi"}, "", (), scope)


def composed(folder: Path, content: bytes) -> tuple[BlobStore, tuple[Blob, ...]]:
    store = BlobStore(folder)
    programs = read_wheels(DECLARED, OneWheel(store, content), "router").programs(store)  # type: ignore[arg-type]
    return store, compose(BUILD, Inputs(programs={}, wheel_programs=programs), store, "router", "v1.2")


def test_the_program_lies_where_the_image_wants_it(tmp_path: Path) -> None:
    store, (_, _, layer) = composed(tmp_path / "store", b"the program")

    raw = zstandard.ZstdDecompressor().decompressobj().decompress(store.path(layer.digest).read_bytes())

    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        entry = archive.getmember("usr/local/bin/router")
        found = archive.extractfile(entry)
        assert found is not None
        assert (found.read(), entry.mode) == (b"the program", 0o755)


def test_the_same_wheel_gives_the_same_image_anywhere(tmp_path: Path) -> None:
    _, first = composed(tmp_path / "here", b"the program")
    _, second = composed(tmp_path / "there", b"the program")

    assert first == second


def test_another_wheel_gives_another_image(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "store")

    facts = [read_wheels(DECLARED, OneWheel(store, content), "router").facts() for content in (b"old", b"new")]  # type: ignore[arg-type]

    assert facts[0] != facts[1]


def test_the_wheel_is_pinned_for_its_image(tmp_path: Path) -> None:
    tools = OneWheel(BlobStore(tmp_path), b"the program")

    read_wheels(DECLARED, tools, "docker.io/library/router")  # type: ignore[arg-type]

    assert tools.asked == [("router-bin==1.2", "docker.io/library/router programs")]


def test_an_image_without_one_stays_what_it_was(tmp_path: Path) -> None:
    tools = OneWheel(BlobStore(tmp_path), b"the program")

    facts = read_wheels({}, tools, "router").facts()  # type: ignore[arg-type]

    assert facts == {}
    assert "wheel" not in repr(BUILD)


def test_a_wheel_without_the_program_is_named(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    programs = read_wheels(DECLARED, OneWheel(store, b"", "readme"), "router")  # type: ignore[arg-type]

    with pytest.raises(WheelLacksFile, match=r"router-bin 1\.2 holds no file router_bin-1\.2"):
        programs.programs(store)
