"""A program is taken out of a wheel, and is the same one whenever it is had again."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.wheel_files import WheelLacksFile, fetch_from_wheel, pin_from_wheel
from installer.errors import BundleRefused
from installer.model.artifact import FileSpec, Kind, LockedItem, WheelFile
from tests.fakes import RecordingReporter

SPEC = FileSpec(
    name="server",
    version="v9.0",
    url="https://example.com/server",
    sha256={},
    licence="BUSL-1.1",
    wheel=WheelFile("other-server", "other-cli==1.2", "other_cli-{version}.data/bin/other", "MPL-2.0"),
)
MEMBER = "other_cli-1.2.data/bin/other"


class OneWheel:
    """An index that holds one wheel."""

    def __init__(self, store: BlobStore, folder: Path, **files: bytes) -> None:
        self._store, self._path = store, folder / "other_cli-1.2-py3-none-any.whl"
        with zipfile.ZipFile(self._path, "w") as archive:
            for name, content in (files or {MEMBER: b"program"}).items():
                archive.writestr(name, content)

    def closure(self, requirements: dict[str, list[str]], python: str) -> tuple[LockedItem, ...]:
        assert requirements == {"vault": ["other-cli==1.2"]}
        blob = self._store.put_file(self._path)
        origin = {"type": "pypi", "file": self._path.name, "python": python}
        return (LockedItem(Kind.WHEEL, "other-cli", "1.2", blob.digest, (blob,), origin, "", ("vault",)),)

    def fetch(self, item: LockedItem, reporter: object) -> None:
        assert (item.name, item.version, item.origin["type"]) == ("other-cli", "1.2", "pypi")
        self._store.put_file(self._path, item.digest)


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def test_the_lock_names_what_it_really_is(store: BlobStore, tmp_path: Path) -> None:
    item = pin_from_wheel("vault", SPEC, OneWheel(store, tmp_path), store)  # type: ignore[arg-type]

    assert (item.name, item.version, item.licence) == ("other-server", "v1.2", "MPL-2.0")
    assert store.path(item.digest).read_bytes() == b"program"


def test_another_machine_has_the_same_program(store: BlobStore, tmp_path: Path) -> None:
    item = pin_from_wheel("vault", SPEC, OneWheel(store, tmp_path), store)  # type: ignore[arg-type]
    other = BlobStore(tmp_path / "others")

    fetch_from_wheel(item, OneWheel(other, tmp_path), other, RecordingReporter())  # type: ignore[arg-type]

    assert other.has(item.digest)


def test_other_bytes_are_refused(store: BlobStore, tmp_path: Path) -> None:
    index = OneWheel(store, tmp_path)
    item = pin_from_wheel("vault", SPEC, index, store)  # type: ignore[arg-type]

    with pytest.raises(BundleRefused):
        fetch_from_wheel(replace(item, digest=f"sha256:{'0' * 64}"), index, store, RecordingReporter())  # type: ignore[arg-type]


def test_a_wheel_without_the_program_is_named(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(WheelLacksFile, match=r"no file other_cli-1\.2\.data/bin/other"):
        pin_from_wheel("vault", SPEC, OneWheel(store, tmp_path, readme=b""), store)  # type: ignore[arg-type]
