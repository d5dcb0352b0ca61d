"""What lies on which volume, and how large a bundle is before it is made."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from installer.model.artifact import Digest

STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=STRICT)
class Piece:
    """A part of a blob that is larger than a volume.

    Attributes:
        blob: digest of the whole blob.
        offset: where in the blob the piece begins.
        digest: of the piece's own bytes.
    """

    blob: Digest
    offset: int
    size: int
    digest: Digest


@dataclass(frozen=True, config=STRICT)
class Volume:
    """What one volume carries behind its front; `blobs` gives sizes by digest."""

    blobs: Mapping[Digest, int]
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Layout:
    """`volumes.json`: what lies on which volume. It is not signed, so it is held against the manifest.

    Attributes:
        bundle: the bundle's name.
        manifest: digest of the bundle's `manifest.json`.
        number: the volume this copy stands on, from 1.
    """

    format: str
    bundle: str
    manifest: Digest
    number: int
    volumes: tuple[Volume, ...]


@dataclass(frozen=True)
class ComponentSize:
    """What one component adds to a bundle.

    Attributes:
        items: how many items it needs.
        size: bytes of blobs that no component before it needs.
        shared: bytes it needs that a component before it already brought.
    """

    name: str
    items: int
    size: int
    shared: int


@dataclass(frozen=True)
class HostDisk:
    """What a kind of host needs on its disk for a bundle, in bytes; what is unpacked is an estimate.

    Attributes:
        bundle: the bundle itself, which only the admin host keeps.
        images: layers as carried and unpacked.
        packages: packages as carried and installed.
        files: programs and Python packages.
    """

    kind: str
    bundle: int
    images: int
    packages: int
    files: int

    @property
    def total(self) -> int:
        """Return the sum of all parts."""
        return self.bundle + self.images + self.packages + self.files


@dataclass(frozen=True)
class SizePlan:
    """How large the bundle of a lock is.

    Attributes:
        size: bytes of all blobs, each once.
        front: bytes that every volume repeats.
        media: bytes a medium holds; 0 when no medium was named.
        volumes: media needed; 0 when no medium was named.
    """

    components: tuple[ComponentSize, ...]
    size: int
    front: int
    disks: tuple[HostDisk, ...]
    media: int = 0
    volumes: int = 0
