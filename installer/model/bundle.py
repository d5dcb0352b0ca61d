"""What a bundle says of itself: RELEASE, manifest.json, volumes.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from installer.model.artifact import Digest, LockedItem
from installer.model.models import ModelEntry

STRICT = ConfigDict(extra="forbid")
FORMAT = "pib/1"
SIGNATURE_NAMESPACE = "platform-bundle"


@dataclass(frozen=True, config=STRICT)
class BundleFile:
    """A file with a place of its own in the bundle, beside the blobs."""

    digest: Digest
    size: int
    mode: str = "0644"


@dataclass(frozen=True, config=STRICT)
class Manifest:
    """`manifest.json`: every item, every blob and every file of a bundle.

    Attributes:
        items: sorted by key.
        files: path below the bundle to what lies there.
    """

    format: str
    origin: str
    platforms: tuple[str, ...]
    items: tuple[LockedItem, ...]
    files: Mapping[str, BundleFile]

    @property
    def blobs(self) -> dict[str, int]:
        """Return the size of every blob by digest, each once."""
        return {blob.digest: blob.size for item in self.items for blob in item.blobs}


@dataclass(frozen=True, config=STRICT)
class Release:
    """`RELEASE`: the small signed text that everything else hangs on.

    Attributes:
        id: the bundle's name.
        sequence: grows with every bundle for a site; a lower one than seen is refused.
        manifest: digest of `manifest.json`, `manifest_size` its bytes.
        checksums: digest of `SHA256SUMS`, for `verify.sh`.
        minimum_tool: the oldest version of this tool that can read the bundle.
        base: digest of the manifest a delta stands on; empty for a whole bundle.
        signed: files that are made when the bundle is signed, by path: repository indexes and their key.
    """

    id: str
    sequence: int
    manifest: Digest
    manifest_size: int
    checksums: Digest
    minimum_tool: str
    created: datetime
    expires: datetime
    base: str = ""
    signed: Mapping[str, Digest] = field(default_factory=dict)


@dataclass(frozen=True)
class DebianTarget:
    """One operating system the hosts may run.

    Attributes:
        release: code name.
        python: its Python's version.
        installed: `name version` of the packages its hosts have; empty for none known.
        kernels: releases of the kernels its hosts run, for which the bundle carries modules.
    """

    release: str
    python: str
    installed: tuple[tuple[str, str], ...] = ()
    kernels: tuple[str, ...] = ()


@dataclass(frozen=True)
class BundleSettings:
    """What an inventory says of its bundle.

    Attributes:
        origin: `upstream` or `build`.
        platforms: platforms of images: `linux/amd64`, or `all`.
        targets: the hosts' operating systems.
        mirrors: registry to mirror.
        directories: name to folder of what the site brings itself: model weights.
        installer_pythons: Python versions the admin host may have.
        models: those that the site's list names.
    """

    origin: str
    platforms: tuple[str, ...]
    targets: tuple[DebianTarget, ...]
    mirrors: Mapping[str, str] = field(default_factory=dict)
    directories: Mapping[str, str] = field(default_factory=dict)
    installer_pythons: tuple[str, ...] = ("3.11", "3.12", "3.13")
    models: tuple[ModelEntry, ...] = ()


@dataclass(frozen=True)
class ItemChange:
    """One item that differs between two bundles or locks; a missing side is empty."""

    kind: str
    name: str
    scope: str
    before: str
    after: str
    size_before: int
    size_after: int


@dataclass(frozen=True)
class Difference:
    """What sets two bundles or locks apart; sizes in bytes."""

    added: tuple[ItemChange, ...]
    removed: tuple[ItemChange, ...]
    changed: tuple[ItemChange, ...]
    bytes_added: int
    bytes_removed: int

    @property
    def empty(self) -> bool:
        """Return whether nothing differs."""
        return not (self.added or self.removed or self.changed)
