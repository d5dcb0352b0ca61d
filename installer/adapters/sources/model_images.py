"""A model as an image: a layer for each file, so that files that two models share are carried once.

The same files give the same digests, whatever their times, modes and place. Layers are not compressed: weights hardly
shrink, and a node would unpack them while a copy of the engine waits. Nothing is held in memory.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.model_folder import chunks, each_file
from installer.engine.models import changed_files, contents_digest
from installer.errors import InvalidConfiguration
from installer.model.artifact import Blob, Kind, LockedItem
from installer.model.models import ORIGIN, OWNER, ModelEntry, ModelFile, ModelFolder
from installer.ports import Reporter

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"

_EVERY_PLATFORM = ("linux/amd64", "linux/arm64")
_END = bytes(2 * tarfile.BLOCKSIZE)
_LABELS = "platform.internal"


class ModelImages:
    """Makes images of models. May be used by several threads."""

    def __init__(self, store: BlobStore, platforms: tuple[str, ...]) -> None:
        """Put images into `store`, for the platforms of an inventory's images."""
        self._store = store
        named = all("/" in name for name in platforms)
        self._platforms = tuple(sorted(set(platforms))) if named else _EVERY_PLATFORM

    def make(
        self, entry: ModelEntry, folder: ModelFolder, reporter: Reporter, locked: LockedItem | None = None
    ) -> LockedItem:
        """Put a model's image into the store, and return it pinned.

        Args:
            entry: what the site's list says of it.
            folder: its files, which were found fit.
            locked: what a lock pins of the same version; nothing is put anywhere when the files are others.

        Raises:
            InvalidConfiguration: files are not those that were locked, or were changed meanwhile.
        """
        measured = each_file(folder, lambda file: _measure(folder, file), str(entry), reporter)
        digests = {file.path: digest for file, (digest, _) in zip(folder.files, measured, strict=True)}
        layers = {file.path: layer for file, (_, layer) in zip(folder.files, measured, strict=True)}
        if locked is not None and (problems := changed_files(entry, locked, digests)):
            raise InvalidConfiguration(problems, "the models")
        for file in folder.files:
            self._put_layer(folder, file, layers[file.path])
        labels = _labels(entry, contents_digest(digests))
        images = [self._image(entry, platform, labels, layers) for platform in self._platforms]
        top = images[0] if len(images) == 1 else (self._index([image[0] for image in images]),)
        blobs = dict.fromkeys((*top, *(blob for image in images for blob in image)))
        return LockedItem(
            kind=Kind.IMAGE,
            name=entry.image,
            version=entry.tag,
            digest=top[0].digest,
            blobs=tuple(blobs),
            origin={
                "type": ORIGIN, "files": dict(sorted(digests.items())),
                "base_model": entry.base_model, "quantisation": entry.quantisation,
            },
            licence=entry.licence,
            needed_by=(OWNER,),
            scope=self._platforms[0] if len(images) == 1 else "all",
        )  # fmt: skip

    def _put_layer(self, folder: ModelFolder, file: ModelFile, layer: Blob) -> None:
        if not self._store.has(layer.digest):
            with self._store.writer(layer.digest) as write:
                for part, _ in _tar(folder, file):
                    write(part)

    def _image(
        self, entry: ModelEntry, platform: str, labels: Mapping[str, str], layers: Mapping[str, Blob]
    ) -> tuple[Blob, ...]:
        config = self._put({
            **_platform(platform),
            "config": {"Labels": labels},
            # What is not compressed has one digest for both.
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers.values()]},
        }, CONFIG)  # fmt: skip
        manifest = self._put({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(config),
            "layers": [
                {**_descriptor(layer), "annotations": {"org.opencontainers.image.title": path}}
                for path, layer in layers.items()
            ],
            "annotations": {
                "org.opencontainers.image.title": entry.image,
                "org.opencontainers.image.version": entry.tag,
                "org.opencontainers.image.licenses": entry.licence,
            },
        }, MANIFEST)  # fmt: skip
        return (manifest, config, *layers.values())

    def _index(self, manifests: list[Blob]) -> Blob:
        entries = [
            {**_descriptor(manifest), "platform": _platform(platform)}
            for manifest, platform in zip(manifests, self._platforms, strict=True)
        ]
        return self._put({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, INDEX)

    def _put(self, document: Mapping[str, Any], media_type: str) -> Blob:
        return self._store.put_bytes(json.dumps(document, sort_keys=True, separators=(",", ":")).encode(), media_type)


def _labels(entry: ModelEntry, contents: str) -> dict[str, str]:
    told = {
        "model": entry.name, "model-version": entry.version, "licence": entry.licence, "contents": contents,
        "base-model": entry.base_model, "quantisation": entry.quantisation,
    }  # fmt: skip
    return {f"{_LABELS}/{name}": value for name, value in told.items() if value}


def _platform(platform: str) -> dict[str, str]:
    names = zip(("os", "architecture", "variant"), platform.split("/"), strict=False)
    return dict(names)


def _measure(folder: ModelFolder, file: ModelFile) -> tuple[str, Blob]:
    """Return the digest of a file, and the layer that holds it."""
    content, layer, size = hashlib.sha256(), hashlib.sha256(), 0
    for part, own in _tar(folder, file):
        layer.update(part)
        size += len(part)
        if own:
            content.update(part)
    return f"sha256:{content.hexdigest()}", Blob(f"sha256:{layer.hexdigest()}", size, LAYER)


def _tar(folder: ModelFolder, file: ModelFile) -> Iterator[tuple[bytes, bool]]:
    """Yield a layer: the file and the folders it lies in, as root's, for everybody to read, without a time.

    With each part comes whether it is the file's own bytes.

    Raises:
        InvalidConfiguration: the file was changed since it was looked at.
    """
    for parent in reversed(PurePosixPath(file.path).parents[:-1]):
        yield _entry(str(parent), tarfile.DIRTYPE, 0o755), False
    yield _entry(file.path, tarfile.REGTYPE, 0o644, file.size), False
    read = 0
    for chunk in chunks(folder.path, file):
        read += len(chunk)
        yield chunk, True
    yield bytes(-read % tarfile.BLOCKSIZE) + _END, False


def _entry(path: str, kind: bytes, mode: int, size: int = 0) -> bytes:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.size = kind, mode, size
    return entry.tobuf(tarfile.PAX_FORMAT)


def _descriptor(blob: Blob) -> dict[str, Any]:
    return {"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size}
