"""Decide whether a bundle may be used: who signed it, whether it is whole, whether it is its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from installer.engine.release import check_release, parse_release
from installer.model.bundle import Manifest, Release
from installer.model.events import PhaseStarted, Progress
from installer.ports import Reporter


class BundleReader(Protocol):
    """Reads a bundle's folder."""

    def release_text(self) -> bytes:
        """Return RELEASE as it stands."""

    def manifest(self, release: Release) -> Manifest:
        """Return the manifest a checked RELEASE names."""

    def verify(self, release: Release, manifest: Manifest, workers: int, count: Callable[[str, int], None]) -> None:
        """Check every file and blob."""


@dataclass(frozen=True)
class TrustedBundle:
    """A bundle that was checked to the last byte, or to the bytes that were asked for."""

    release: Release
    manifest: Manifest
    signer: str


def verify_bundle(
    reader: BundleReader,
    who_signed: Callable[[bytes], str],
    seen_sequence: int,
    tool: str,
    now: datetime,
    workers: int,
    reporter: Reporter,
) -> TrustedBundle:
    """Check signature, release, manifest and every blob, in that order; nothing is used before.

    Args:
        who_signed: returns the trusted signer of RELEASE, or refuses.
        seen_sequence: the highest sequence this site has accepted.

    Raises:
        BundleRefused: the bundle is damaged, not trusted, expired or older than one seen.
    """
    reporter.emit(PhaseStarted("verify"))
    text = reader.release_text()
    signer = who_signed(text)
    release = parse_release(text)
    check_release(release, now, seen_sequence, tool)
    manifest = reader.manifest(release)
    total = sum(manifest.blobs.values())
    done = 0

    def count(name: str, amount: int) -> None:
        nonlocal done
        done += amount
        reporter.emit(Progress("verify", name, min(done, total), total))

    reader.verify(release, manifest, workers, count)
    return TrustedBundle(release, manifest, signer)
