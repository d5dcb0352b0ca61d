"""The same files of a model give the same image, and a file that two models share is kept once."""

from __future__ import annotations

import json
import os
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.item_opening import ItemOpening
from installer.adapters.sources.model_folder import read_model
from installer.adapters.sources.model_images import ModelImages
from installer.errors import InvalidConfiguration
from installer.model.artifact import LockedItem, digest_of
from installer.model.models import ModelEntry
from tests.fakes import RecordingReporter
from tests.models import entry_of, safetensors_of, tensor, write_safetensors_model

AMD64 = ("linux/amd64",)


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "store")


@pytest.fixture
def letters(tmp_path: Path) -> ModelEntry:
    return entry_of(write_safetensors_model(tmp_path / "letters"))


def made(store: BlobStore, entry: ModelEntry, platforms: tuple[str, ...] = AMD64) -> LockedItem:
    return ModelImages(store, platforms).make(entry, read_model(entry.directory), RecordingReporter())


def document(store: BlobStore, digest: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.path(digest).read_bytes())
    return found


def test_each_file_is_a_layer_of_its_own_that_says_which(store: BlobStore, letters: ModelEntry) -> None:
    item = made(store, letters)

    layers = document(store, item.digest)["layers"]
    titles = [layer["annotations"]["org.opencontainers.image.title"] for layer in layers]
    assert titles == sorted(path.name for path in letters.directory.iterdir())
    for title, layer in zip(titles, layers, strict=True):
        with tarfile.open(store.path(layer["digest"])) as archive:
            (member,) = archive.getmembers()
            content = archive.extractfile(member)
            assert content is not None
            assert content.read() == (letters.directory / title).read_bytes()
            assert (member.name, member.mode, member.uid, member.gid, member.mtime) == (title, 0o644, 0, 0, 0)


def test_a_file_in_a_folder_brings_the_folder(store: BlobStore, letters: ModelEntry) -> None:
    (letters.directory / "more/deep").mkdir(parents=True)
    (letters.directory / "more/deep/vocab.json").write_text("{}")

    item = made(store, letters)

    layer = next(blob for blob in item.blobs[2:] if b"vocab.json" in store.path(blob.digest).read_bytes())
    with tarfile.open(store.path(layer.digest)) as archive:
        found = [(member.name, member.isdir(), member.mode) for member in archive.getmembers()]
    assert found == [("more", True, 0o755), ("more/deep", True, 0o755), ("more/deep/vocab.json", False, 0o644)]


def test_the_image_says_what_the_model_is_and_runs_nothing(store: BlobStore, letters: ModelEntry) -> None:
    entry = entry_of(letters.directory, base_model="example/base", quantisation="BF16")
    item = made(store, entry)

    manifest = document(store, item.digest)
    config = document(store, manifest["config"]["digest"])
    labels = config["config"]["Labels"]
    assert (config["os"], config["architecture"], list(config["config"])) == ("linux", "amd64", ["Labels"])
    assert labels.pop("platform.internal/contents").startswith("sha256:")
    assert labels == {
        "platform.internal/model": "letters", "platform.internal/model-version": "1.0.0",
        "platform.internal/licence": "Apache-2.0", "platform.internal/base-model": "example/base",
        "platform.internal/quantisation": "BF16",
    }  # fmt: skip
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    assert (item.name, item.version, item.scope) == ("platform.internal/models/letters", "v1.0.0", "linux/amd64")
    assert item.origin["files"]["config.json"] == digest_of((entry.directory / "config.json").read_bytes())
    assert ItemOpening(store)(item) == []


def test_clock_place_order_and_modes_change_no_digest(store: BlobStore, letters: ModelEntry, tmp_path: Path) -> None:
    elsewhere = tmp_path / "far" / "away"
    elsewhere.mkdir(parents=True)
    for path in sorted(letters.directory.iterdir(), reverse=True):
        (elsewhere / path.name).write_bytes(path.read_bytes())
        (elsewhere / path.name).chmod(0o600)
        os.utime(elsewhere / path.name, (1, 1))

    assert made(store, letters) == made(BlobStore(tmp_path / "other"), entry_of(elsewhere))


def test_what_is_said_of_a_model_changes_its_digest_and_no_layer(store: BlobStore, letters: ModelEntry) -> None:
    one, other = made(store, letters), made(store, entry_of(letters.directory, licence="MIT"))

    assert one.digest != other.digest
    assert one.blobs[2:] == other.blobs[2:]


def test_a_file_that_two_models_share_is_kept_once(store: BlobStore, letters: ModelEntry, tmp_path: Path) -> None:
    weights = safetensors_of({"other": tensor()})
    other = entry_of(write_safetensors_model(tmp_path / "other", weights), version="1.1.0")

    items = made(store, letters), made(store, other)

    layers = [{blob.digest for blob in item.blobs[2:]} for item in items]
    assert len(layers[0] & layers[1]) == len(layers[0]) - 1


def test_for_several_platforms_there_is_an_index_over_the_same_layers(store: BlobStore, letters: ModelEntry) -> None:
    item = made(store, letters, ("all",))

    entries = document(store, item.digest)["manifests"]
    assert [entry["platform"]["architecture"] for entry in entries] == ["amd64", "arm64"]
    assert item.scope == "all"
    assert len({blob.digest for blob in item.blobs}) == len(item.blobs) == 1 + 2 * 2 + 6
    assert ItemOpening(store)(item) == []


def test_a_folder_that_is_not_as_locked_is_refused_and_nothing_is_kept(letters: ModelEntry, tmp_path: Path) -> None:
    locked, store = made(BlobStore(tmp_path / "first"), letters), BlobStore(tmp_path / "second")
    (letters.directory / "LICENSE").write_text("You may not.\n")

    with pytest.raises(InvalidConfiguration) as caught:
        ModelImages(store, AMD64).make(letters, read_model(letters.directory), RecordingReporter(), locked)

    (problem,) = caught.value.problems
    assert problem.where == str(letters.directory / "LICENSE")
    assert digest_of(b"You may not.\n") in problem.message
    assert locked.origin["files"]["LICENSE"] in problem.message
    assert not (tmp_path / "second").exists()


def test_weights_are_never_held_in_memory(store: BlobStore, tmp_path: Path) -> None:
    size = 64 << 20
    header = {"a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    entry = entry_of(write_safetensors_model(tmp_path / "large", safetensors_of(header, size)))
    tracemalloc.start()

    made(store, entry)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size // 4
