"""Wires what is done with finished bundles: sizes, volumes, loading, differences and deltas."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from installer import __version__
from installer.adapters.blob_store import BlobStore
from installer.adapters.bundle_directory import BundleDirectory
from installer.adapters.item_opening import ItemOpening
from installer.adapters.journal import only_one
from installer.adapters.load_journal import LoadingFolder
from installer.adapters.signing import verify
from installer.adapters.volume_files import VolumeFolder, find_media
from installer.cli.bundles import Bundles, workers
from installer.engine.declared_items import DeclaredItem, declared_items
from installer.engine.graph import deployment_order
from installer.errors import UsageError
from installer.model.artifact import UPSTREAM
from installer.model.bundle import Difference
from installer.model.volumes import SizePlan
from installer.workflows.bundle_delta import MadeDelta, make_delta
from installer.workflows.bundle_diff import diff_bundles, known_bundle
from installer.workflows.bundle_front import Trust
from installer.workflows.bundle_load import LoadReport, load_bundle
from installer.workflows.bundle_plan import plan_sizes
from installer.workflows.bundle_split import WrittenVolume, split_bundle
from installer.workflows.bundle_verify import TrustedBundle, open_items, trust_bundle


class Volumes(Bundles):
    """The bundle of one site, on its way to and from media."""

    def plan(self, media: int) -> SizePlan:
        """Return how large the bundle of the lock is; `media` in bytes, 0 for none."""
        lock = self._site.lock
        beside = {path: place.stat().st_size for path, place in self.own_files()}
        beside.update({path: item.size for path, item in self.own_wheels(lock)})
        order = deployment_order(self._site.catalog, self._site.catalog.names)
        name = f"{self._site.key}-{datetime.now(UTC):%Y.%m.%d}-{self.seen_sequence + 1}"
        return plan_sizes(lock, name, order, beside, media)

    @property
    def has_no_lock(self) -> bool:
        """Return whether nothing is pinned yet; where everything is made by the site itself, that is a mistake."""
        return self._site.lock_if_any is None and self.settings.origin == UPSTREAM

    def declared(self) -> tuple[DeclaredItem, ...]:
        """Return what the bundle will carry, by the catalogue alone."""
        order = deployment_order(self._site.catalog, self._site.catalog.names)
        releases = {target.release: target.kernels for target in self.settings.targets}
        return declared_items(order, releases, self.settings.models)

    def split(self, media: int, to: Path) -> tuple[WrittenVolume, ...]:
        """Write the bundle onto volumes."""
        directory = BundleDirectory(self._site.bundle)
        self._refuse_inside(to)
        bundle = trust_bundle(
            directory,
            lambda text: self._who_signed(text, directory),
            self.seen_sequence,
            __version__,
            datetime.now(UTC),
        )
        return split_bundle(bundle, directory, media, VolumeFolder(to), workers(), self._site.reporter)

    def load(self, places: Sequence[Path]) -> LoadReport:
        """Take in what some media carry."""
        media = find_media(places)
        with only_one(self._site.state):
            self._site.bundle.parent.mkdir(parents=True, exist_ok=True)
            return load_bundle(
                media,
                LoadingFolder(self._site.bundle),
                BundleDirectory(self._site.bundle),
                Trust(self._who_signed_apart, self.seen_sequence, __version__, datetime.now(UTC)),
                workers(),
                self._site.reporter,
            )

    def diff(self, before: Path, after: Path) -> Difference:
        """Return what sets two bundle folders apart."""
        return diff_bundles(self._known(before), self._known(after))

    def delta(self, base: Path, to: Path, key: Path | None) -> MadeDelta:
        """Write and sign the delta from a bundle folder to the site's bundle."""
        self._refuse_inside(to)
        known = self._known(base)
        directory = BundleDirectory(self._site.bundle)
        return make_delta(
            self.verify(),
            self._site.bundle,
            known,
            lambda path: b"".join(directory.chunks(path)),
            BundleDirectory(to),
            self._signing(key).sign,
            __version__,
            datetime.now(UTC).replace(microsecond=0),
            self._site.reporter,
        )

    def check(self, deep: bool) -> TrustedBundle:
        """Check the bundle, or the delta, to the last byte; `deep` opens each item too."""
        bundle = self.verify(delta=True)
        if deep:
            opening = ItemOpening(BlobStore(self._site.bundle / "oci"))
            open_items(BundleDirectory(self._site.bundle), bundle, opening, workers(), self._site.reporter)
        return bundle

    def _known(self, folder: Path) -> TrustedBundle:
        directory = BundleDirectory(folder)
        return known_bundle(directory, lambda text: self._who_signed(text, directory))

    def _who_signed(self, text: bytes, directory: BundleDirectory) -> str:
        return verify(text, directory.signature, self._site.allowed_signers)

    def _who_signed_apart(self, text: bytes, signature: bytes) -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "signature"
            path.write_bytes(signature)
            return verify(text, path, self._site.allowed_signers)

    def _refuse_inside(self, to: Path) -> None:
        if to.resolve().is_relative_to(self._site.bundle.resolve()):
            raise UsageError(
                f"{to} lies within the bundle, which holds nothing but what was signed.", hint="Name another folder."
            )
