"""Composed images, kept by what they are composed of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from installer.adapters.sources.scratch import write_whole
from installer.model.artifact import Blob, digest_of
from installer.ports import ArtifactStore


class Compositions:
    """Remembers which blobs an image has. May be used by several threads."""

    def __init__(self, folder: Path, store: ArtifactStore) -> None:
        """Remember in a folder what lies in a store."""
        self._folder = folder
        self._store = store

    def of(self, facts: Mapping[str, object], compose: Callable[[], tuple[Blob, ...]]) -> tuple[Blob, ...]:
        """Return the blobs of the image that these facts decide, composed if need be."""
        digest = digest_of(json.dumps(facts, sort_keys=True).encode())
        kept = self._folder / digest.removeprefix("sha256:")
        if kept.exists():
            blobs = tuple(Blob(**entry) for entry in json.loads(kept.read_text()))
            if all(self._store.has(blob.digest) for blob in blobs):
                return blobs
        blobs = compose()
        described = [{"digest": b.digest, "size": b.size, "media_type": b.media_type} for b in blobs]
        write_whole(kept, json.dumps(described).encode())
        return blobs
