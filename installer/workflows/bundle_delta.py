"""Make a bundle that carries only what another one lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from installer.engine.contents import (
    RELEASE,
    SIGNATURE,
    WHOLE_RELEASE,
    WHOLE_SIGNATURE,
    blob_path,
    format_checksums,
    listing,
)
from installer.engine.release import format_release, parse_release
from installer.errors import BundleRefused, UsageError
from installer.model.artifact import digest_of
from installer.model.bundle import Manifest, Release
from installer.model.events import PhaseStarted, Progress
from installer.ports import Reporter
from installer.workflows.bundle_verify import TrustedBundle


class DeltaWriter(Protocol):
    """Writes a bundle's folder out of another's."""

    def current(self) -> bytes | None:
        """Return RELEASE when one is there and signed, else None."""

    def copy(self, source: Path, manifest: Manifest, paths: Collection[str], count: Callable[[str, int], None]) -> None:
        """Take files of another bundle over, and its manifest."""

    def write_checksums(self, content: bytes) -> None:
        """Write SHA256SUMS."""

    def prune(self, keep: Collection[str]) -> None:
        """Delete every file that does not belong to the bundle."""

    def seal(self, text: bytes, signature: bytes, signed: Mapping[str, bytes], manifest: Manifest) -> None:
        """Write RELEASE and what is signed with it."""


@dataclass(frozen=True)
class MadeDelta:
    """What `bundle delta` made.

    Attributes:
        size: bytes of the blobs it carries.
        left_out: bytes of the blobs the base has.
    """

    release: Release
    size: int
    left_out: int


def make_delta(
    new: TrustedBundle,
    source: Path,
    base: TrustedBundle,
    read: Callable[[str], bytes],
    writer: DeltaWriter,
    sign: Callable[[bytes], bytes],
    tool: str,
    now: datetime,
    reporter: Reporter,
) -> MadeDelta:
    """Write and sign the delta that leads from one bundle to another.

    Args:
        new: the bundle it leads to, verified to the last byte.
        source: the folder of that bundle.
        base: the bundle it stands on; only its manifest counts.
        read: returns a file of the new bundle by its path.
        writer: writes the delta's folder.
        sign: turns a text into its signature.
        tool: the version of this tool.
        now: when it is made.
        reporter: told how far it is.

    Raises:
        BundleRefused: the new bundle is itself a delta.
        UsageError: the folder to write to holds a whole bundle.
    """
    if new.release.base:
        raise BundleRefused(f"{new.release.id} is a delta itself.", hint="Name the whole bundle with --bundle.")
    _refuse_whole(writer)
    everything = listing(new.manifest)
    spared = {digest: size for digest, size in new.manifest.blobs.items() if digest in base.manifest.blobs}
    held = {path: entry for path, entry in everything.items() if path not in {blob_path(digest) for digest in spared}}
    checksums = format_checksums(held)
    signed = {path: read(path) for path in new.release.signed}
    signed |= {WHOLE_RELEASE: read(RELEASE), WHOLE_SIGNATURE: read(SIGNATURE)}
    release = _delta_release(new.release, base.release, digest_of(checksums), signed, tool, now)
    reporter.emit(PhaseStarted("assemble"))
    left_out = sum(spared.values())
    size = sum(new.manifest.blobs.values()) - left_out
    total = sum(amount for _, amount in held.values())
    done = finished = 0

    def count(name: str, amount: int) -> None:
        nonlocal done, finished
        done += amount
        finished += 1
        reporter.emit(Progress("assemble", name, done, total, items_done=finished, items=len(held)))

    writer.copy(source, new.manifest, held, count)
    writer.write_checksums(checksums)
    text = format_release(release)
    writer.seal(text, sign(text), signed, new.manifest)
    writer.prune({*held, *signed})
    return MadeDelta(release, size, left_out)


def _delta_release(
    new: Release, base: Release, checksums: str, signed: Mapping[str, bytes], tool: str, now: datetime
) -> Release:
    return Release(
        id=f"{new.id}-delta",
        sequence=new.sequence,
        manifest=new.manifest,
        manifest_size=new.manifest_size,
        checksums=checksums,
        minimum_tool=tool,
        created=now,
        expires=new.expires,
        base=base.manifest,
        signed={path: digest_of(content) for path, content in signed.items()},
    )


def _refuse_whole(writer: DeltaWriter) -> None:
    """Refuse to make a delta of a folder that holds a whole bundle: what a delta does not carry is deleted."""
    text = writer.current()
    if text is not None and not (known := parse_release(text)).base:
        raise UsageError(f"The folder holds the whole bundle {known.id}.", hint="Name another folder with --to.")
