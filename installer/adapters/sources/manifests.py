"""What registries say an image is made of: manifests, and indexes of them, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from installer.adapters.sources.errors import SourceUnavailable
from installer.model.artifact import Blob, digest_of

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# What an entry without a variant means; the others need newer processors.
_USUAL_VARIANTS = {"amd64": ("", "v1"), "arm64": ("", "v8")}


class ImageUnavailable(SourceUnavailable):
    """A registry does not hold an image or a platform of it, or holds what is none."""


@dataclass(frozen=True)
class Layer:
    """A blob below a manifest, and where else it may be had."""

    blob: Blob
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A manifest an index lists."""

    digest: str
    system: str
    architecture: str
    variant: str

    @property
    def platform(self) -> str:
        """Return its platform as an inventory writes it."""
        return "/".join(part for part in (self.system, self.architecture, self.variant) if part)


@dataclass(frozen=True)
class ImageManifest:
    """A manifest or an index.

    Attributes:
        entries: what an index lists; a manifest lists none.
        layers: a manifest's config, then its layers; an index has none.
    """

    blob: Blob
    content: bytes
    entries: tuple[Entry, ...]
    layers: tuple[Layer, ...]

    @property
    def is_index(self) -> bool:
        """Return whether it lists manifests rather than layers."""
        return self.blob.media_type in INDEX_TYPES

    def blobs(self) -> Iterator[Blob]:
        """Yield its own bytes, then what is below it."""
        yield self.blob
        yield from (layer.blob for layer in self.layers)


def read_manifest(content: bytes, said: str, where: str) -> ImageManifest:
    """Return what a registry's answer describes.

    Args:
        said: the media type the registry gave it, for documents that do not say it themselves.
        where: what to call it before the operator.

    Raises:
        ImageUnavailable: it is neither a manifest nor an index, or of a kind containerd cannot read.
    """
    try:
        document = json.loads(content)
        media_type = _media_type(document, said)
        blob = Blob(digest_of(content), len(content), media_type)
        if media_type in INDEX_TYPES:
            return ImageManifest(blob, content, tuple(_entry(entry) for entry in document["manifests"]), ())
        layers = tuple(_layer(entry) for entry in [document["config"], *document["layers"]])
        return ImageManifest(blob, content, (), layers)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ImageUnavailable(
            f"{where} is no image that can be carried: {_what_is_wrong(error)}.",
            hint="Pin a version that upstream publishes in the format of OCI, or of Docker since 2017.",
        ) from error


def entry_for(index: ImageManifest, platform: str) -> Entry | None:
    """Return the index's manifest for `linux/amd64` or `linux/arm/v7`, or None."""
    system, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    found = [e for e in index.entries if (e.system, e.architecture) == (system, architecture)]
    usual = (variant,) if variant else _USUAL_VARIANTS.get(architecture, ("",))
    best: Sequence[Entry] = [entry for entry in found if entry.variant in usual] or ([] if variant else found)
    return best[0] if best else None


def _media_type(document: Mapping[str, Any], said: str) -> str:
    # A document that could be read as either would be two images under one digest.
    if "manifests" in document and ("layers" in document or "config" in document):
        raise ValueError("it is a manifest and an index at once")
    own = document.get("mediaType") or said
    known, usual = (INDEX_TYPES, INDEX_TYPES[0]) if "manifests" in document else (MANIFEST_TYPES, MANIFEST_TYPES[0])
    if document.get("schemaVersion") != 2:
        raise ValueError(f"its format {document.get('schemaVersion')} is not 2")
    return own if own in known else usual


def _entry(descriptor: Mapping[str, Any]) -> Entry:
    about = descriptor.get("platform") or {}
    names = [str(about.get(name) or "") for name in ("os", "architecture", "variant")]
    return Entry(_blob(descriptor).digest, *names)


def _layer(descriptor: Mapping[str, Any]) -> Layer:
    # By TLS only: they lead anywhere, whatever the registry.
    addresses = tuple(url for url in descriptor.get("urls") or () if str(url).startswith("https://"))
    return Layer(_blob(descriptor), addresses)


def _blob(descriptor: Mapping[str, Any]) -> Blob:
    return Blob(str(descriptor["digest"]), int(descriptor["size"]), str(descriptor["mediaType"]))


def _what_is_wrong(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]}"
    return str(error).splitlines()[0].rstrip(".") if type(error) is ValueError else "it cannot be read"
