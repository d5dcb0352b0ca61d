"""Say how large a bundle will be and how many media it needs, before anything is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from installer.engine.contents import (
    CHECKSUMS,
    MANIFEST,
    RELEASE,
    SIGNATURE,
    encode_manifest,
    format_checksums,
    listing,
)
from installer.engine.sizes import component_sizes, host_disks
from installer.engine.volumes import member_size, plan_volumes
from installer.model.artifact import Kind, Lock, digest_of
from installer.model.bundle import FORMAT, BundleFile, Manifest
from installer.model.component import Component
from installer.model.volumes import SizePlan

# What cannot be known before the bundle is built: RELEASE and its signature, and one stanza of a package index.
_SIGNED = 4096
_STANZA = 1200


def plan_sizes(
    lock: Lock, bundle: str, components: Sequence[Component], beside: Mapping[str, int], media: int
) -> SizePlan:
    """Return the sizes of the bundle that a lock describes.

    Args:
        lock: what the bundle is built from.
        bundle: the bundle's name, or one as long.
        components: in the order in which they are deployed.
        beside: size of each file the bundle will carry beside its blobs, by path, but for package indexes.
        media: bytes a medium holds; 0 for none named.

    Raises:
        UsageError: the media are too small.
    """
    releases = {item.scope for item in lock.items if item.kind is Kind.PACKAGE}
    counts = {release: sum(i.kind is Kind.PACKAGE and i.scope == release for i in lock.items) for release in releases}
    indexes = {f"apt/{release}/Packages": count * _STANZA for release, count in counts.items()}
    placeholder = digest_of(b"")
    files = {path: BundleFile(placeholder, size) for path, size in {**beside, **indexes}.items()}
    manifest = Manifest(FORMAT, lock.origin, lock.platforms, lock.items, files)
    front = {path: file.size for path, file in files.items()} | {
        f"apt/{release}/InRelease": _SIGNED for release in releases
    }
    front |= {RELEASE: _SIGNED, SIGNATURE: _SIGNED, MANIFEST: len(encode_manifest(manifest))}
    front[CHECKSUMS] = len(format_checksums(listing(manifest)))
    repeated = sum(member_size(path, size) for path, size in front.items())
    return SizePlan(
        components=component_sizes(lock.items, [component.name for component in components]),
        size=sum(manifest.blobs.values()),
        front=repeated,
        disks=host_disks(lock, components, repeated),
        media=media,
        volumes=len(plan_volumes(bundle, front, manifest.blobs, media)) if media else 0,
    )
