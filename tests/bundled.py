"""What a bundle on this machine, or the store of one, holds of the lab's lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.blob_store import BlobStore
from installer.model.artifact import Kind, Lock

PLACES = (Path("/var/cache/platform-install/store"), *Path("/var/lib/platform-lab").glob("*/media/bundle/oci"))


def blob(lock: Lock, kind: Kind, name: str) -> Path:
    """Return a locked item's file; the test is skipped on a machine that never had it."""
    item = lock.find(kind, name)
    assert item is not None, f"the lock has no {kind.value} {name}"
    for store in map(BlobStore, PLACES):
        if store.has(item.digest):
            return store.path(item.digest)
    pytest.skip(
        f"no bundle on this machine holds the {kind.value} {name}: run `./platform-install bundle build -i lab`"
    )


def program(lock: Lock, name: str, folder: Path) -> Path:
    """Return a program of the bundle that can be run."""
    path = folder / name
    path.write_bytes(blob(lock, Kind.FILE, name).read_bytes())
    path.chmod(0o755)
    return path
