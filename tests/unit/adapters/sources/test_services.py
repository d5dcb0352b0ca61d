"""A service's image is its libraries and its own code above a user land, the same bytes wherever it is composed."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard
from pydantic import ValidationError

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.images import Inputs, compose
from installer.adapters.sources.services import Service, read_service
from installer.adapters.sources.wheel_trees import Pin
from installer.errors import InvalidConfiguration
from installer.model.artifact import Blob, DebianLayer, ImageBuild, Kind, LockedItem, PythonLayer

LAYER = PythonLayer("door", "3.13")
BUILD = ImageBuild(
    entrypoint=("/usr/bin/python3.13", "-m", "door"),
    user="1000:1000",
    debian=DebianLayer("trixie", ("python3.13-minimal",)),
    python=LAYER,
    directories=("/tmp",),
)


class OneWheel:
    """Has the wheel that any pins name."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self.asked: list[tuple[list[str], str, str]] = []

    def wheels(self, pins: Sequence[Pin], python: str, scope: str) -> tuple[LockedItem, ...]:
        self.asked.append(([pin.name for pin in pins], python, scope))
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(zipfile.ZipInfo("library.py"), b"answer = 42\n")
        blob = self._store.put_bytes(content.getvalue(), "application/zip")
        origin = {"type": "pypi", "file": "library-1-py3-none-any.whl", "python": python}
        return (LockedItem(Kind.WHEEL, "library", "1", blob.digest, (blob,), origin, "MIT", ()),)


def write_service(folder: Path) -> Path:
    package = folder / "door" / "door"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "admit.lua").write_text("return 1\n")
    (package / "__pycache__" / "__init__.cpython-313.pyc").write_bytes(b"compiled somewhere")
    (folder / "door" / "requirements.txt").write_text(f"library==1 --hash=sha256:{'0' * 64}\n")
    return folder


def service_in(folder: Path, store: BlobStore) -> Service:
    return read_service(LAYER, write_service(folder), OneWheel(store), "door:v1")  # type: ignore[arg-type]


def composed(folder: Path) -> tuple[BlobStore, tuple[Blob, ...]]:
    store = BlobStore(folder / "store")
    root = folder / "root"
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / "python3.13").write_bytes(b"the interpreter")
    (root / "usr" / "bin" / "python3.13").chmod(0o755)
    layers = service_in(folder / "services", store).layers(store)
    return store, compose(BUILD, Inputs(programs={}, debian_root=root, layers=layers), store, "door", "v1")


def names_in(store: BlobStore, blob: Blob) -> dict[str, tarfile.TarInfo]:
    raw = zstandard.ZstdDecompressor().decompressobj().decompress(store.path(blob.digest).read_bytes())
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        return {entry.name: entry for entry in archive.getmembers()}


def test_libraries_and_own_code_are_layers_above_the_user_land(tmp_path: Path) -> None:
    store, blobs = composed(tmp_path)

    base, libraries, own, rest = (names_in(store, blob) for blob in blobs[2:])
    folder = "usr/local/lib/python3.13/dist-packages"
    assert "usr/bin/python3.13" in base
    assert f"{folder}/library.py" in libraries
    assert {name for name, entry in own.items() if entry.isfile()} == {
        f"{folder}/door/__init__.py",
        f"{folder}/door/admit.lua",
    }
    assert list(rest) == ["tmp"]


def test_nothing_tells_when_where_or_by_whom_it_was_composed(tmp_path: Path) -> None:
    first_store, first = composed(tmp_path / "here")
    _, second = composed(tmp_path / "another" / "place")

    assert [blob.digest for blob in first] == [blob.digest for blob in second]
    entries = [entry for blob in first[2:] for entry in names_in(first_store, blob).values()]
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname) for entry in entries} == {(0, 0, 0, "")}


def test_it_runs_as_a_user_on_a_file_system_that_is_read_only(tmp_path: Path) -> None:
    store, blobs = composed(tmp_path)

    config = json.loads(store.path(blobs[1].digest).read_bytes())["config"]

    assert config["User"] == "1000:1000"
    assert "PYTHONDONTWRITEBYTECODE=1" in config["Env"]
    assert config["Entrypoint"] == ["/usr/bin/python3.13", "-m", "door"]


def test_what_decides_the_bytes_is_told(tmp_path: Path) -> None:
    service = service_in(tmp_path, BlobStore(tmp_path / "store"))
    before = service.facts()

    (service.package / "__pycache__" / "__init__.cpython-313.pyc").write_bytes(b"compiled elsewhere")
    compiled = service.facts()
    (service.package / "admit.lua").write_text("return 0\n")

    assert compiled == before
    assert service.facts() != before


def test_wheels_are_asked_for_by_the_services_own_pins(tmp_path: Path) -> None:
    tools = OneWheel(BlobStore(tmp_path / "store"))

    read_service(LAYER, write_service(tmp_path), tools, "door:v1")  # type: ignore[arg-type]

    assert tools.asked == [(["library"], "3.13", "door:v1 libraries")]


def test_a_service_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="1 mistake in the catalogue") as refused:
        read_service(PythonLayer("gate", "3.13"), tmp_path, OneWheel(BlobStore(tmp_path)), "")  # type: ignore[arg-type]

    assert refused.value.problems[0].where.endswith("gate/gate")


def test_libraries_without_an_interpreter_are_refused() -> None:
    with pytest.raises(ValidationError, match="wants an interpreter"):
        ImageBuild(entrypoint=("python3",), python=LAYER)
