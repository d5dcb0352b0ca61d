"""Items opened as whoever uses them would."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from installer.adapters.blob_store import BlobStore
from installer.adapters.item_opening import ItemOpening
from installer.model.artifact import Blob, Kind, LockedItem, digest_of
from tests.bundles import item_of


def tar_of(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name.replace("__", "/").replace("_", "."))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def wheel_of(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return stream.getvalue()


def package_of(**members: bytes) -> bytes:
    content = b"!<arch>\n"
    for name, data in members.items():
        header = f"{name.replace('__', '-').replace('_', '.'):16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n"
        content += header.encode() + data + b"\n" * (len(data) % 2)
    return content


TAR = tar_of(chart__Chart_yaml=b"name: chart")
CHART = gzip.compress(TAR)
WHEEL = wheel_of("one/__init__.py", "one-1.dist-info/METADATA")
PACKAGE = package_of(debian__binary=b"2.0\n", control_tar_xz=lzma.compress(TAR), data_tar_zst=zstandard.compress(TAR))


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path)


def problems(store: BlobStore, kind: Kind, content: bytes) -> list[str]:
    store.put_bytes(content)
    return list(ItemOpening(store)(item_of("one", content, kind)))


@pytest.mark.parametrize(
    ("kind", "content"),
    [(Kind.CHART, CHART), (Kind.WHEEL, WHEEL), (Kind.PACKAGE, PACKAGE), (Kind.FILE, b"any"), (Kind.MODEL, b"any")],
    ids=["chart", "wheel", "package", "file", "model"],
)
def test_a_good_item_opens(store: BlobStore, kind: Kind, content: bytes) -> None:
    assert problems(store, kind, content) == []


@pytest.mark.parametrize("cut", [0, 2, 100])
@pytest.mark.parametrize(
    ("kind", "content"),
    [(Kind.CHART, CHART), (Kind.WHEEL, WHEEL), (Kind.PACKAGE, PACKAGE)],
    ids=["chart", "wheel", "package"],
)
def test_an_item_cut_short_does_not_open(store: BlobStore, kind: Kind, content: bytes, cut: int) -> None:
    kept = content[: len(content) - cut] if cut else b""

    assert len(problems(store, kind, kept)) == 1


@pytest.mark.parametrize(
    ("kind", "content", "problem"),
    [
        (Kind.CHART, gzip.compress(tar_of(chart__values_yaml=b"")), "holds no Chart.yaml."),
        (Kind.WHEEL, wheel_of("one/__init__.py"), "holds no METADATA."),
        (Kind.PACKAGE, package_of(debian__binary=b"2.0\n", control_tar=TAR), "holds no data."),
    ],
    ids=["chart", "wheel", "package"],
)
def test_an_item_that_is_something_else_is_told(store: BlobStore, kind: Kind, content: bytes, problem: str) -> None:
    assert problems(store, kind, content) == [problem]


def test_a_damaged_member_of_a_wheel_is_named(store: BlobStore) -> None:
    content = WHEEL.replace(b"content", b"c0ntent", 1)

    assert problems(store, Kind.WHEEL, content) == ["one/__init__.py inside is damaged."]


def image_of(store: BlobStore, layers: list[bytes], unpacked: list[bytes]) -> LockedItem:
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in unpacked]}}).encode()
    manifest = {
        "config": {"digest": digest_of(config)},
        "layers": [{"digest": digest_of(layer)} for layer in layers],
    }
    contents = [json.dumps(manifest).encode(), config, *layers]
    for content in contents:
        store.put_bytes(content)
    blobs = tuple(Blob(digest_of(content), len(content)) for content in contents)
    return LockedItem(Kind.IMAGE, "one", "1", blobs[0].digest, blobs, {"type": "oci"}, "Apache-2.0", ("one",))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bytes], ids=["gzip", "zstd", "plain"])
def test_a_good_image_opens(store: BlobStore, pack: Callable[[bytes], bytes]) -> None:
    assert ItemOpening(store)(image_of(store, [pack(TAR)], [TAR])) == []


def test_a_layer_that_unpacks_to_other_bytes_than_the_config_says_is_told(store: BlobStore) -> None:
    (problem,) = ItemOpening(store)(image_of(store, [CHART], [TAR + bytes(512)]))

    assert digest_of(TAR) in problem


def test_an_image_with_another_number_of_layers_than_its_config_is_told(store: BlobStore) -> None:
    (problem,) = ItemOpening(store)(image_of(store, [CHART], [TAR, TAR]))

    assert problem == "has 1 layers and 2 diff_ids."


def test_an_image_whose_layer_is_no_archive_does_not_open(store: BlobStore) -> None:
    (problem,) = ItemOpening(store)(image_of(store, [b"no archive"], [b"no archive"]))

    assert problem.startswith("cannot be opened")


def test_an_index_opens_the_platforms_that_are_carried(store: BlobStore) -> None:
    carried = image_of(store, [CHART], [TAR + bytes(512)])
    index = json.dumps({"manifests": [{"digest": carried.digest}, {"digest": digest_of(b"elsewhere")}]}).encode()
    store.put_bytes(index)

    assert len(ItemOpening(store)(item_of("one", index, Kind.IMAGE))) == 1
