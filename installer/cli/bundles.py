"""Wires the bundle's workflows to their adapters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib import resources
from itertools import chain
from pathlib import Path

from installer import __version__
from installer.adapters.blob_store import BlobStore, hash_file
from installer.adapters.bundle_directory import BundleDirectory
from installer.adapters.lock_files import read_lock, write_lock
from installer.adapters.package_repository import index_path, package_index, sign_repositories
from installer.adapters.project_files import collection_files, project_files
from installer.adapters.signing import make_signing_key, sign, trusted_lines, verify
from installer.adapters.sources.errors import ArtifactGone
from installer.adapters.sources.sourceset import Relock
from installer.cli.sources import have_items, open_sources
from installer.cli.wiring import PROJECT, Site
from installer.engine.image_layout import image_layout
from installer.engine.release import parse_release
from installer.errors import BundleRefused, InvalidConfiguration, Problem
from installer.model.artifact import Kind, Lock, LockedItem, digest_of
from installer.model.bundle import BundleSettings, DebianTarget, Difference
from installer.model.events import Notice, Warned
from installer.workflows.bundle_build import BuiltBundle, Signing, build_bundle, fetch_items, packages_by_release
from installer.workflows.bundle_lock import lock_bundle
from installer.workflows.bundle_verify import TrustedBundle, verify_bundle

# The Python each supported release has.
_PYTHONS = {"bookworm": "3.11", "trixie": "3.13", "jammy": "3.10", "noble": "3.12"}
_DOWNLOADS = 8


class Bundles:
    """The bundle of one site."""

    def __init__(self, site: Site) -> None:
        """Work for one site."""
        self._site = site

    @cached_property
    def store(self) -> BlobStore:
        """Return the cache of blobs."""
        return BlobStore(self._site.cache / "store")

    @cached_property
    def settings(self) -> BundleSettings:
        """Return what the inventory says of its bundle."""
        value = self._site.value
        return BundleSettings(
            origin=value("platform_artifact_origin"),
            platforms=tuple(value("platform_artifact_platforms")),
            targets=tuple(self._target(release) for release in value("platform_debian_targets")),
            mirrors=value("platform_mirrors"),
            directories=value("platform_directories"),
            models=self._site.inventory.models,
        )

    def lock(self) -> tuple[Lock, Difference]:
        """Resolve everything anew, and write the lock."""
        previous = read_lock(self._site.own_lock_path)
        lock, difference = self._pinned(previous, Relock.EVERYTHING)
        write_lock(self._site.own_lock_path, lock)
        return lock, difference

    def build(self, key: Path | None) -> BuiltBundle:
        """Build and sign the bundle the lock describes."""
        self._forget_damaged(self._site.lock)
        lock = have_items(self._site.lock, self._fetch, self._pin_anew if self._site.lab_name else None)
        indexes = {release: package_index(items, self.store) for release, items in packages_by_release(lock).items()}
        files: dict[str, Path | bytes] = {index_path(release): content for release, content in indexes.items()}
        files.update(image_layout(lock.items))
        files["verify.sh"] = (resources.files("installer.adapters") / "verify.sh").read_bytes()
        modes = {"verify.sh": "0755"}
        for path, place in self.own_files():
            files[path] = place
            if os.access(place, os.X_OK):
                modes[path] = "0755"
        files.update({path: self.store.path(item.digest) for path, item in self.own_wheels(lock)})
        directory, signing = BundleDirectory(self._site.bundle, self.store), self._signing(key)
        if self._site.lab_name and not self._is_trusted(directory):
            # A lab that lost its state has a new key.
            directory.unseal()
        return build_bundle(
            lock, files, indexes, modes, directory, signing,
            datetime.now(UTC).replace(microsecond=0), self._site.reporter, _describe,
        )  # fmt: skip

    def is_missing(self) -> bool:
        """Return whether a lab's bundle has to be built: there is none, or it is a whole one of another lock.

        A damaged bundle is not missing: whoever verifies it says what is wrong with it.
        """
        directory = BundleDirectory(self._site.bundle)
        if directory.current() is None or not self._site.allowed_signers.exists():
            return True
        try:
            release = parse_release(directory.release_text())
            return directory.manifest(release).items != self._site.lock.items
        except BundleRefused:
            return False

    def _is_trusted(self, directory: BundleDirectory) -> bool:
        try:
            verify(directory.release_text(), directory.signature, self._site.allowed_signers)
        except BundleRefused:
            return False
        return True

    def _forget_damaged(self, lock: Lock) -> None:
        digests = {blob.digest for item in lock.items for blob in item.blobs}
        damaged = self.store.drop_damaged(digests, workers())
        if damaged:
            self._site.reporter.emit(Warned(f"{len(damaged)} blobs of the cache were damaged, and are had anew."))

    def verify(self, delta: bool = False) -> TrustedBundle:
        """Check the bundle to the last byte; a delta is refused unless `delta` says that one will do."""
        directory = BundleDirectory(self._site.bundle)
        return verify_bundle(
            directory,
            lambda text: verify(text, directory.signature, self._site.allowed_signers),
            self.seen_sequence,
            __version__,
            datetime.now(UTC),
            workers(),
            self._site.reporter,
            delta,
        )

    @property
    def seen_sequence(self) -> int:
        """Return the highest sequence this site has accepted."""
        record = self._site.state / "bundle_sequence"
        return int(record.read_text()) if record.exists() else 0

    def accept(self, bundle: TrustedBundle) -> None:
        """Remember a bundle's sequence; a lower one is refused from now on."""
        record = self._site.state / "bundle_sequence"
        temporary = record.with_suffix(".new")
        temporary.write_text(f"{max(self.seen_sequence, bundle.release.sequence)}\n")
        temporary.replace(record)

    def own_files(self) -> Iterator[tuple[str, Path]]:
        """Yield the files of this tool that a bundle carries, by their path in it."""
        models = [entry.directory for entry in self.settings.models]
        for path, place in chain(project_files(PROJECT, models), collection_files(PROJECT)):
            yield f"installer/{path}", place

    def own_wheels(self, lock: Lock) -> Iterator[tuple[str, LockedItem]]:
        """Yield the packages that this tool needs, by their path in the bundle."""
        for item in lock.items:
            if item.kind is Kind.WHEEL and "installer" in item.needed_by:
                yield f"installer/wheels/{item.origin['file']}", item

    def _target(self, release: str) -> DebianTarget:
        if release not in _PYTHONS:
            cure = f"Supported are {', '.join(sorted(_PYTHONS))}."
            where = self._site.inventory.where("platform_debian_targets")
            raise InvalidConfiguration([Problem(where, f"{release!r} is no supported release.", cure)])
        listing = self._site.own_lock_path.parent / "packages" / f"{release}.list"
        lines = listing.read_text().splitlines() if listing.exists() else []
        installed = tuple((name, version) for name, _, version in (line.partition(" ") for line in lines) if version)
        kernels = (self._site.value("platform_host_kernels") or {}).get(release, ())
        return DebianTarget(release, _PYTHONS[release], installed, tuple(kernels))

    def _fetch(self, lock: Lock) -> None:
        with open_sources(self._site, self.settings, self.store, lock, Relock.NOTHING) as sources:
            sources.refuse_changed_models(lock.items)
            fetch_items(lock, sources, self.store, _DOWNLOADS, self._site.reporter)

    def _pinned(self, previous: Lock | None, relock: Relock) -> tuple[Lock, Difference]:
        site = self._site
        with open_sources(site, self.settings, self.store, previous, relock) as sources:
            requirements = _requirements()
            return lock_bundle(site.catalog, self.settings, requirements, sources, previous, workers(), site.reporter)

    def _pin_anew(self, gone: ArtifactGone) -> Lock:
        """Pin a lab's packages as the archive has them now, beside the inventory's lock."""
        site = self._site
        site.reporter.emit(
            Warned(
                f"{gone.summary} The lab pins its Debian packages anew, in {site.stand_in_lock_path}; "
                f"`platform-install bundle lock` does it for the inventory."
            )
        )
        lock, difference = self._pinned(site.lock, Relock.PACKAGES)
        for change in (*difference.added, *difference.removed, *difference.changed):
            versions = " → ".join(version for version in (change.before, change.after) if version)
            site.reporter.emit(Notice(f"{change.kind} {change.name} {versions}"))
        lock = replace(lock, based_on=hash_file(site.own_lock_path).digest)
        write_lock(site.stand_in_lock_path, lock)
        site.forget_lock()
        return lock

    def _built_sequence(self) -> int:
        """Return the sequence of the bundle that lies where the new one is built; 0 when there is none."""
        try:
            return parse_release(BundleDirectory(self._site.bundle).release_text()).sequence
        except BundleRefused:
            return 0

    def _signing(self, key: Path | None) -> Signing:
        site = self._site
        if key is None:
            key = site.state / "keys" / "bundle"
            line = make_signing_key(key, f"{site.key}-builder")
            if site.lab_name:
                site.allowed_signers.write_text(line)
            elif line.strip() not in trusted_lines(site.allowed_signers):
                site.reporter.emit(Notice(f"The site trusts this key when {site.allowed_signers} has: {line.strip()}"))
        sequence = max(self.seen_sequence, self._built_sequence()) + 1
        chosen = key
        return Signing(
            id=f"{site.key}-{datetime.now(UTC):%Y.%m.%d}-{sequence}",
            sequence=sequence,
            validity=timedelta(days=int(site.value("platform_bundle_validity_days"))),
            sign=lambda text: sign(text, chosen),
            repositories=sign_repositories,
            tool=__version__,
        )


def workers() -> int:
    """Return how many processors there are to hash and to compress with."""
    return os.cpu_count() or 2


def _requirements() -> tuple[str, ...]:
    """Return what this tool needs to run, pinned; hashes are the lock's own."""
    lines = (PROJECT / "requirements.txt").read_text().splitlines()
    return tuple(line.split(" \\")[0].strip() for line in lines if line and line[0].isalnum())


def _describe(content: Path | bytes) -> tuple[str, int]:
    if isinstance(content, bytes):
        return digest_of(content), len(content)
    blob = hash_file(content)
    return blob.digest, blob.size
