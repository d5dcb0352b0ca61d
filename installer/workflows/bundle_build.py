"""Put a bundle together from a lock, and sign it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from installer.engine.release import format_release, parse_release
from installer.errors import PlatformError
from installer.model.artifact import Kind, Lock, LockedItem, digest_of
from installer.model.bundle import FORMAT, BundleFile, Manifest, Release
from installer.model.events import PhaseStarted, Progress
from installer.ports import ArtifactSources, ArtifactStore, Reporter

_MADE = ("go", "composed", "packed")
# They mostly wait for their turn: the sources know how much is made side by side.
_MAKERS = 32


class BundleWriter(Protocol):
    """Writes a bundle's folder."""

    def compose(
        self, manifest: Manifest, files: Mapping[str, Path | bytes], count: Callable[[str, int], None]
    ) -> bytes:
        """Write everything but RELEASE, and return the manifest's bytes."""

    def checksums(self, manifest: Manifest) -> bytes:
        """Return what SHA256SUMS holds."""

    def seal(self, text: bytes, signature: bytes, signed: Mapping[str, bytes], manifest: Manifest) -> None:
        """Write RELEASE and what is signed with it, then delete what the bundle does not hold."""

    def current(self) -> bytes | None:
        """Return RELEASE when one is there, else None."""


@dataclass(frozen=True)
class Signing:
    """How a bundle gets its name and signature.

    Attributes:
        id: the bundle's name.
        sequence: its place after all bundles before it.
        validity: how long it may be used.
        sign: turns a text into its signature.
        repositories: turns indexes and a time into signed repository files, by path.
        tool: the version of this tool.
    """

    id: str
    sequence: int
    validity: timedelta
    sign: Callable[[bytes], bytes]
    repositories: Callable[[dict[str, bytes], datetime], dict[str, bytes]]
    tool: str


@dataclass(frozen=True)
class BuiltBundle:
    """What `bundle build` made.

    Attributes:
        changed: whether anything differs from what was there.
        size: bytes of all blobs.
    """

    release: Release
    items: int
    size: int
    changed: bool


def fetch_items(lock: Lock, sources: ArtifactSources, store: ArtifactStore, workers: int, reporter: Reporter) -> None:
    """Have every blob of a lock in the store; what is there is not fetched again.

    Raises:
        PlatformError: of the first item that cannot be had; the others are finished first.
    """
    missing = [item for item in lock.items if not all(store.has(blob.digest) for blob in item.blobs)]
    sources.expect(missing)
    total = sum(item.size for item in lock.items)
    done = total - sum(item.size for item in missing)
    first: PlatformError | None = None
    # What is made waits for processors, what is fetched for the network: neither waits for the other.
    with ThreadPoolExecutor(_MAKERS) as makers, ThreadPoolExecutor(workers) as fetchers:
        futures = {}
        # Largest first, so that the longest does not begin last.
        for item in sorted(missing, key=lambda item: -item.size):
            futures[(makers if item.origin["type"] in _MADE else fetchers).submit(sources.fetch, item)] = item
        try:
            for future in as_completed(futures):
                try:
                    future.result()
                except PlatformError as error:
                    first = first or error
                    continue
                done += futures[future].size
                reporter.emit(Progress("fetch", futures[future].name, done, total))
        except BaseException:
            for pool in (makers, fetchers):
                pool.shutdown(wait=False, cancel_futures=True)
            raise
    if first is not None:
        raise first


def build_bundle(
    lock: Lock,
    files: Mapping[str, Path | bytes],
    indexes: dict[str, bytes],
    modes: Mapping[str, str],
    writer: BundleWriter,
    signing: Signing,
    now: datetime,
    reporter: Reporter,
    describe: Callable[[Path | bytes], tuple[str, int]],
) -> BuiltBundle:
    """Write and sign the bundle of a lock whose blobs are all there.

    Args:
        files: what lies beside the blobs, by path below the bundle.
        indexes: release to its package index; they lie in `files` too.
        modes: modes of files that are not 0644.
        describe: returns digest and size of a file's content.
    """
    reporter.emit(PhaseStarted("assemble"))
    manifest = _manifest(lock, {path: describe(content) for path, content in files.items()}, modes)
    size = sum(manifest.blobs.values())
    written = 0

    def count(name: str, amount: int) -> None:
        nonlocal written
        written += amount
        reporter.emit(Progress("assemble", name, written, size))

    encoded = writer.compose(manifest, files, count)
    known = _known(writer)
    if known is not None and known.manifest == digest_of(encoded) and now < known.expires:
        return BuiltBundle(known, len(manifest.items), size, changed=False)
    signed = signing.repositories(indexes, now)
    release = Release(
        id=signing.id,
        sequence=signing.sequence,
        manifest=digest_of(encoded),
        manifest_size=len(encoded),
        checksums=digest_of(writer.checksums(manifest)),
        minimum_tool=signing.tool,
        created=now,
        expires=now + signing.validity,
        signed={path: digest_of(content) for path, content in signed.items()},
    )
    text = format_release(release)
    writer.seal(text, signing.sign(text), signed, manifest)
    return BuiltBundle(release, len(manifest.items), size, changed=True)


def _manifest(lock: Lock, described: Mapping[str, tuple[str, int]], modes: Mapping[str, str]) -> Manifest:
    files = {p: BundleFile(digest, size, modes.get(p, "0644")) for p, (digest, size) in sorted(described.items())}
    return Manifest(format=FORMAT, origin=lock.origin, platforms=lock.platforms, items=lock.items, files=files)


def packages_by_release(lock: Lock) -> dict[str, list[LockedItem]]:
    """Return the locked packages of each release."""
    found: defaultdict[str, list[LockedItem]] = defaultdict(list)
    for item in lock.items:
        if item.kind is Kind.PACKAGE:
            found[item.scope].append(item)
    return dict(found)


def _known(writer: BundleWriter) -> Release | None:
    text = writer.current()
    if text is None:
        return None
    try:
        return parse_release(text)
    except PlatformError:
        return None
