"""Read what stands at the front of a medium, and trust it or refuse; nothing is unpacked before."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from installer.engine.contents import (
    CHECKSUMS,
    MANIFEST,
    RELEASE,
    SIGNATURE,
    WHOLE_RELEASE,
    WHOLE_SIGNATURE,
    blob_path,
    carried,
    format_checksums,
    listing,
    parse_manifest,
)
from installer.engine.release import check_release, parse_release
from installer.engine.volumes import LAYOUT, parse_layout
from installer.errors import BundleRefused
from installer.model.artifact import digest_of
from installer.model.bundle import FORMAT, Manifest, Release
from installer.model.volumes import Layout, Volume

_MOST_RELEASE = 1 << 20
_MOST_LAYOUT = 256 << 20


class Member(Protocol):
    """A file of a medium; its bytes can be read until the next one is asked for."""

    @property
    def name(self) -> str:
        """Return its path below the bundle."""

    @property
    def size(self) -> int:
        """Return its bytes."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes."""


class Medium(Protocol):
    """A volume or a bundle's folder."""

    @property
    def name(self) -> str:
        """Return how the operator knows it."""

    def members(self) -> Iterator[Member]:
        """Yield its files in their order."""


@dataclass(frozen=True)
class Trust:
    """What decides whether a release may be used here and now.

    Attributes:
        who_signed: returns the trusted signer of a text and its signature, or refuses.
        seen_sequence: the highest sequence this site has accepted.
        tool: this tool's version.
    """

    who_signed: Callable[[bytes, bytes], str]
    seen_sequence: int
    tool: str
    now: datetime


@dataclass(frozen=True)
class Front:
    """What a medium says of itself, all of it signed but for the layout, which does not contradict it.

    Attributes:
        release: RELEASE of the medium; of a delta it names its base.
        whole: RELEASE of the complete bundle; the same but for a delta.
        blobs: size of every blob the bundle carries, on whichever volume.
        files: digest and size of every file beside the blobs, -1 where the size is not signed.
        texts: files to write when all is in, by path.
        identity: digest of the medium's RELEASE: a newer signature of the same content is another bundle.
    """

    release: Release
    whole: Release
    manifest: Manifest
    blobs: Mapping[str, int]
    files: Mapping[str, tuple[str, int]]
    layout: Layout
    texts: Mapping[str, bytes]
    identity: str

    @property
    def volume(self) -> Volume:
        """Return what stands behind this front."""
        return self.layout.volumes[self.layout.number - 1]


def read_front(medium: Medium, members: Iterator[Member], trust: Trust) -> tuple[Front, Iterator[Member]]:
    """Return the front of a medium, and the files behind it.

    Raises:
        BundleRefused: it is no bundle's, or may not be used.
    """
    text = _take(medium, members, RELEASE, _MOST_RELEASE)
    signature = _take(medium, members, SIGNATURE, _MOST_RELEASE)
    release = _trusted(text, signature, trust)
    manifest_text = _take(medium, members, MANIFEST, release.manifest_size, release.manifest)
    manifest = parse_manifest(manifest_text, medium.name)
    everything = listing(manifest)
    most = len(format_checksums(everything))
    held = carried(release, manifest, _take(medium, members, CHECKSUMS, most, release.checksums))
    whole = release
    identity = digest_of(text)
    if release.base:
        text = _take(medium, members, WHOLE_RELEASE, _MOST_RELEASE, release.signed.get(WHOLE_RELEASE, ""))
        signature = _take(medium, members, WHOLE_SIGNATURE, _MOST_RELEASE, release.signed.get(WHOLE_SIGNATURE, ""))
        whole = _leads_to(release, _trusted(text, signature, trust), format_checksums(everything))
    blobs = {digest: size for digest, size in manifest.blobs.items() if blob_path(digest) in held}
    layout, rest = _layout(medium, members, release, blobs)
    files = {path: held[path] for path in manifest.files} | {
        path: (digest, -1) for path, digest in whole.signed.items()
    }
    texts = {RELEASE: text, SIGNATURE: signature, MANIFEST: manifest_text, CHECKSUMS: format_checksums(everything)}
    return Front(release, whole, manifest, blobs, files, layout, texts, identity), rest


def common_front(media: Sequence[Medium], trust: Trust) -> Front:
    """Return the front of all media, read before anything is unpacked from any.

    Raises:
        BundleRefused: one is no bundle's or may not be used, or they are of several bundles.
    """
    first: tuple[str, Front] | None = None
    for medium in media:
        front, _ = read_front(medium, medium.members(), trust)
        if first is None:
            first = medium.name, front
        elif front.identity != first[1].identity:
            raise BundleRefused(
                f"{medium.name} is of the bundle {front.release.id}, and {first[0]} of {first[1].release.id}.",
                hint="Nothing was touched. Load the volumes of one bundle, then those of the other.",
            )
    if first is None:
        raise ValueError("a bundle is loaded from at least one medium")
    return first[1]


def _trusted(text: bytes, signature: bytes, trust: Trust) -> Release:
    trust.who_signed(text, signature)
    release = parse_release(text)
    check_release(release, trust.now, trust.seen_sequence, trust.tool)
    return release


def _leads_to(delta: Release, whole: Release, checksums: bytes) -> Release:
    """Return the release a delta leads to, when both are of the same content."""
    same = (whole.manifest, whole.signed, whole.base, whole.checksums)
    signed = {path: digest for path, digest in delta.signed.items() if path not in (WHOLE_RELEASE, WHOLE_SIGNATURE)}
    if same != (delta.manifest, signed, "", digest_of(checksums)):
        raise BundleRefused(
            f"The delta {delta.id} does not lead to the bundle {whole.id}.", hint="Make the delta again."
        )
    return whole


def _layout(
    medium: Medium, members: Iterator[Member], release: Release, blobs: Mapping[str, int]
) -> tuple[Layout, Iterator[Member]]:
    """Return what `volumes.json` says; a folder has none, and carries everything."""
    first = next(members, None)
    if first is not None and first.name == LAYOUT:
        content = _content(medium, first, LAYOUT, _MOST_LAYOUT)
        return parse_layout(content, release, blobs, medium.name), members
    alone = Layout(FORMAT, release.id, release.manifest, 1, (Volume(blobs),))
    return alone, members if first is None else itertools.chain([first], members)


def _take(medium: Medium, members: Iterator[Member], name: str, most: int, digest: str | None = None) -> bytes:
    member = next(members, None)
    if member is None or member.name != name:
        raise BundleRefused(
            f"{medium.name} is no bundle and no volume of one: "
            f"it has {member.name if member else 'nothing'} instead of {name}.",
            hint="Name volumes, or folders that hold them, with --from.",
        )
    content = _content(medium, member, name, most)
    if digest is not None and digest_of(content) != digest:
        raise BundleRefused(
            f"{name} on {medium.name} is not the one that was signed.",
            hint="Write this volume again, or get it from its maker.",
        )
    return content


def _content(medium: Medium, member: Member, name: str, most: int) -> bytes:
    if member.size > most:
        raise BundleRefused(
            f"{name} on {medium.name} has {member.size} bytes, more than the {most} it may have.",
            hint="The volume is damaged or forged: get it again from its maker.",
        )
    return b"".join(member.chunks())
