"""What a bundle on this machine, or the store of one, holds of the lab's lock."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import zstandard

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.images import LAYER
from installer.model.artifact import Kind, Lock

PLACES = (Path("/var/cache/platform-install/store"), *Path("/var/lib/platform-lab").glob("*/media/bundle/oci"))


def blob(lock: Lock, kind: Kind, name: str) -> Path:
    """Return a locked item's file; the test is skipped on a machine that never had it."""
    item = lock.find(kind, name)
    assert item is not None, f"the lock has no {kind.value} {name}"
    return _stored(item.digest, f"{kind.value} {name}")


def program(lock: Lock, name: str, folder: Path) -> Path:
    """Return a program of the bundle that can be run."""
    path = folder / name
    path.write_bytes(blob(lock, Kind.FILE, name).read_bytes())
    path.chmod(0o755)
    return path


def program_of_image(lock: Lock, image: str, name: str, folder: Path) -> Path:
    """Return a program out of an image that was composed for the bundle, which can be run."""
    item = lock.find(Kind.IMAGE, image)
    assert item is not None, f"the lock has no image {image}"
    for layer in (entry for entry in item.blobs if entry.media_type == LAYER):
        with (
            zstandard.open(_stored(layer.digest, f"image {image}")) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            for entry in archive:
                if entry.isreg() and Path(entry.name).name == name:
                    archive.extract(entry.replace(name=name, deep=False), folder, filter="data")
                    return folder / name
    raise AssertionError(f"the image {image} has no {name}")


def _stored(digest: str, what: str) -> Path:
    for store in map(BlobStore, PLACES):
        if store.has(digest):
            return store.path(digest)
    pytest.skip(f"no bundle on this machine holds the {what}: run `./platform-install bundle build -i lab`")
