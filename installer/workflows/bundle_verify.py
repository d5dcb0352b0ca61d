"""Decide whether a bundle may be used: who signed it, whether it is whole, whether it is its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from installer.engine.contents import blob_path
from installer.engine.release import check_release, parse_release
from installer.errors import BundleRefused
from installer.model.artifact import LockedItem
from installer.model.bundle import Manifest, Release
from installer.model.events import PhaseStarted, Progress
from installer.ports import Reporter


class BundleReader(Protocol):
    """Reads a bundle's folder."""

    def release_text(self) -> bytes:
        """Return RELEASE as it stands."""

    def manifest(self, release: Release) -> Manifest:
        """Return the manifest a checked RELEASE names."""

    def carried(self, release: Release, manifest: Manifest) -> Mapping[str, tuple[str, int]]:
        """Return digest and size of the files the bundle carries, by path; a delta leaves blobs out."""

    def verify(self, release: Release, manifest: Manifest, workers: int, count: Callable[[str, int], None]) -> None:
        """Check every file and blob."""


@dataclass(frozen=True)
class TrustedBundle:
    """A bundle that was checked to the last byte, or to the bytes that were asked for."""

    release: Release
    manifest: Manifest
    signer: str


def trust_bundle(
    reader: BundleReader, who_signed: Callable[[bytes], str], seen_sequence: int, tool: str, now: datetime
) -> TrustedBundle:
    """Check signature, release and manifest, in that order; no other file is looked at.

    Args:
        reader: reads the bundle's folder.
        who_signed: returns the trusted signer of RELEASE, or refuses.
        seen_sequence: the highest sequence this site has accepted.
        tool: this tool's version.
        now: when the bundle is to be used.

    Raises:
        BundleRefused: the bundle is not trusted, expired or older than one seen.
    """
    text = reader.release_text()
    signer = who_signed(text)
    release = parse_release(text)
    check_release(release, now, seen_sequence, tool)
    return TrustedBundle(release, reader.manifest(release), signer)


def verify_bundle(
    reader: BundleReader,
    who_signed: Callable[[bytes], str],
    seen_sequence: int,
    tool: str,
    now: datetime,
    workers: int,
    reporter: Reporter,
    delta: bool = False,
) -> TrustedBundle:
    """Check signature, release, manifest and every file, in that order; nothing is used before.

    Args:
        reader: reads the bundle's folder.
        who_signed: returns the trusted signer of RELEASE, or refuses.
        seen_sequence: the highest sequence this site has accepted.
        tool: this tool's version.
        now: when the bundle is to be used.
        workers: how many files are read at once.
        reporter: told how far it is.
        delta: whether a delta, which nothing can be installed from, will do.

    Raises:
        BundleRefused: the bundle is damaged, not trusted, expired or older than one seen.
    """
    reporter.emit(PhaseStarted("verify"))
    bundle = trust_bundle(reader, who_signed, seen_sequence, tool, now)
    if bundle.release.base and not delta:
        raise BundleRefused(
            f"{bundle.release.id} is a delta: it carries only what the bundle it stands on lacks.",
            hint="Load it over that bundle with `platform-install bundle load --from FOLDER`.",
        )
    held = reader.carried(bundle.release, bundle.manifest)
    total = sum(size for _, size in held.values())
    items = len(held) + len(bundle.release.signed)
    done = finished = 0

    def count(name: str, amount: int) -> None:
        nonlocal done, finished
        done += amount
        finished += 1
        reporter.emit(Progress("verify", name, done, total, items_done=finished, items=items))

    reader.verify(bundle.release, bundle.manifest, workers, count)
    return bundle


def open_items(
    reader: BundleReader,
    bundle: TrustedBundle,
    opening: Callable[[LockedItem], Sequence[str]],
    workers: int,
    reporter: Reporter,
) -> None:
    """Open each item of a bundle whose bytes are good; of a delta, those it carries whole.

    Args:
        reader: reads the bundle's folder.
        bundle: the bundle, verified to the last byte.
        opening: returns what is wrong with an item; may be called by several threads.
        workers: how many items are opened at once.
        reporter: told how far it is.

    Raises:
        BundleRefused: items cannot be opened; all of them are listed.
    """
    reporter.emit(PhaseStarted("open"))
    held = reader.carried(bundle.release, bundle.manifest)
    items = [item for item in bundle.manifest.items if all(blob_path(blob.digest) in held for blob in item.blobs)]
    items.sort(key=lambda item: -item.size)
    total = sum(item.size for item in items)
    done = 0
    problems: list[str] = []
    with ThreadPoolExecutor(workers) as pool:
        for number, (item, found) in enumerate(zip(items, pool.map(opening, items), strict=True), 1):
            problems += [f"{item.kind.value} {item.name} {item.version} {problem}" for problem in found]
            done += item.size
            reporter.emit(Progress("open", item.name, done, total, items_done=number, items=len(items)))
    if problems:
        raise BundleRefused(
            f"{len(problems)} faults lie in items of the bundle {bundle.release.id}, whose bytes are as signed.",
            hint="They were signed like that: tell the bundle's maker. Nothing was touched.",
            details=problems[:20],
        )
