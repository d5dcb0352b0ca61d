"""All sources as one: chooses between upstream and the workshop by the inventory's origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.charts import fetch_chart
from installer.adapters.sources.debian import DebianArchive, InstalledPackage
from installer.adapters.sources.directory import pin_directory
from installer.adapters.sources.files import address, fetch_file
from installer.adapters.sources.oci import Registry, split_name
from installer.adapters.sources.pypi import WheelIndex
from installer.adapters.sources.workshop import Workshop
from installer.errors import InvalidConfiguration, PlatformError, Problem
from installer.model.artifact import ChartSpec, FileSpec, GoLock, ImageSpec, Kind, LockedItem
from installer.model.bundle import BundleSettings, DebianTarget
from installer.model.catalog import Catalog
from installer.ports import Reporter

UPSTREAM = "upstream"
BUILD = "build"


class NotReproduced(PlatformError):
    """A thing made again from the same inputs has other bytes than the lock says."""


class SourceSet:
    """Pins and fetches items of every kind."""

    def __init__(
        self,
        settings: BundleSettings,
        catalog: Catalog,
        store: BlobStore,
        archives: Mapping[str, DebianArchive],
        wheels: WheelIndex,
        workshop: Workshop,
        reporter: Reporter,
    ) -> None:
        """Combine the sources an inventory's settings ask for."""
        self._settings = settings
        self._store = store
        self._archives = archives
        self._wheels = wheels
        self._workshop = workshop
        self._reporter = reporter
        artifacts = {component.name: component.description.artifacts for component in catalog}
        self._images = {(name, spec.name): spec for name, part in artifacts.items() for spec in part.images}
        self._files = {(name, spec.name): spec for name, part in artifacts.items() for spec in part.files}
        self._charts = {(name, spec.name): spec for name, part in artifacts.items() for spec in part.charts}

    @property
    def tools(self) -> tuple[LockedItem, ...]:
        """Return what was used to make things."""
        return self._workshop.tools

    @property
    def go_locks(self) -> Mapping[str, GoLock]:
        """Return the build lists resolved."""
        return self._workshop.go_locks

    def image(self, component: str, spec: ImageSpec) -> tuple[LockedItem, ...]:
        """Pin an image, one item for each platform wanted."""
        if self._settings.origin == BUILD and spec.build is not None:
            return (self._workshop.image(component, spec),)
        registry, repository = split_name(spec.name)
        items = []
        for platform in self._settings.platforms:
            reader = Registry(registry, self._settings.mirrors, self._store)
            blobs = reader.copy(repository, spec.version, platform, self._reporter)
            items.append(
                LockedItem(
                    kind=Kind.IMAGE,
                    name=spec.name,
                    version=spec.version,
                    digest=blobs[0].digest,
                    blobs=blobs,
                    origin={"type": "oci", "registry": registry, "repository": repository},
                    licence=spec.licence,
                    needed_by=(component,),
                    scope=platform,
                )
            )
        return tuple(items)

    def chart(self, component: str, spec: ChartSpec) -> LockedItem:
        """Pin a chart."""
        if self._settings.origin == BUILD and spec.build is not None:
            return self._workshop.chart(component, spec)
        origin: dict[str, str] = {"type": "helm", "repository": spec.repository}
        if spec.repository.startswith("oci://"):
            registry, repository = split_name(f"{spec.repository.removeprefix('oci://').rstrip('/')}/{spec.name}")
            reader = Registry(registry, self._settings.mirrors, self._store)
            blobs = reader.copy(repository, spec.version, "all", self._reporter)
            # An OCI chart is a manifest with one layer, the archive; the bundle carries the archive.
            blob = blobs[-1]
        else:
            blob = fetch_chart(spec.repository, spec.name, spec.version, self._store, self._reporter)
        return LockedItem(
            kind=Kind.CHART,
            name=spec.name,
            version=spec.version,
            digest=blob.digest,
            blobs=(blob,),
            origin=origin,
            licence=spec.licence,
            needed_by=(component,),
        )

    def file(self, component: str, spec: FileSpec) -> tuple[LockedItem, ...]:
        """Pin a file, one item for each architecture wanted."""
        if self._settings.origin == BUILD and spec.program is not None:
            return (self._workshop.file(component, spec),)
        items = []
        for architecture in self._architectures():
            blob = fetch_file(spec, architecture, self._store, self._reporter)
            items.append(
                LockedItem(
                    kind=Kind.FILE,
                    name=spec.name,
                    version=spec.version,
                    digest=blob.digest,
                    blobs=(blob,),
                    origin={"type": "file", "url": address(spec, architecture)},
                    licence=spec.licence,
                    needed_by=(component,),
                    scope=f"linux/{architecture}",
                )
            )
        return tuple(items)

    def packages(self, target: DebianTarget, wanted: Mapping[str, Sequence[str]]) -> tuple[LockedItem, ...]:
        """Pin the packages of all components and what they need on one target."""
        archive = self._archives[target.release]
        archive.refresh()
        owners: dict[str, list[str]] = {}
        for component, names in wanted.items():
            for name in names:
                owners.setdefault(name, []).append(component)
        installed = [InstalledPackage(name, version) for name, version in target.installed]
        items = archive.closure(sorted(owners), installed, needed_by=owners)
        for item in items:
            if not self._store.has(item.digest):
                archive.fetch(item, self._store, self._reporter)
        return items

    def wheels(self, python: str, wanted: Mapping[str, Sequence[str]]) -> tuple[LockedItem, ...]:
        """Pin wheels of all components and what they need for one Python version."""
        return self._wheels.closure(wanted, python)

    def directory(self, name: str, folder: Path) -> tuple[LockedItem, ...]:
        """Pin the files of a folder the site brings itself."""
        return pin_directory(name, folder, self._store)

    def fetch(self, item: LockedItem) -> None:
        """Put every blob of a locked item into the store.

        Raises:
            PlatformError: the source does not have it any more, or has other bytes.
        """
        if all(self._store.has(blob.digest) for blob in item.blobs):
            return
        origin, owner = str(item.origin["type"]), item.needed_by[0]
        if origin in ("go", "composed", "packed"):
            self._make_again(item, owner)
        elif origin == "oci":
            reader = Registry(str(item.origin["registry"]), self._settings.mirrors, self._store)
            reader.fetch(str(item.origin["repository"]), item.blobs, self._reporter)
        elif origin == "debian":
            self._archives[item.scope].fetch(item, self._store, self._reporter)
        elif origin == "pypi":
            self._wheels.fetch(item, self._reporter)
        elif origin == "file":
            fetch_file(self._files[owner, item.name], item.scope.partition("/")[2], self._store, self._reporter)
        elif origin == "helm":
            self.chart(owner, self._charts[owner, item.name])
        elif origin == "directory":
            self._pin_again(item)
        if not all(self._store.has(blob.digest) for blob in item.blobs):
            raise NotReproduced(
                f"The source of {item.name} {item.version} gives other bytes than the lock names ({item.digest}).",
                hint="Run `platform-install bundle lock` and look at what changed before you trust it.",
            )

    def _make_again(self, item: LockedItem, owner: str) -> None:
        if item.kind is Kind.IMAGE:
            made = self._workshop.image(owner, self._images[owner, item.name])
        elif item.kind is Kind.CHART:
            made = self._workshop.chart(owner, self._charts[owner, item.name])
        else:
            made = self._workshop.file(owner, self._files[owner, item.name])
        if made.digest != item.digest:
            raise NotReproduced(
                f"{item.name} {item.version} was made with the digest {made.digest}, the lock names {item.digest}.",
                hint="The component's description changed since the lock was written: run `platform-install bundle lock`.",
            )

    def _pin_again(self, item: LockedItem) -> None:
        name = str(item.origin["name"])
        folder = self._settings.directories.get(name)
        if folder is None:
            raise InvalidConfiguration([Problem("platform_directories", f"names no folder {name}, which the lock holds.")])
        pin_directory(name, Path(folder), self._store)

    def _architectures(self) -> tuple[str, ...]:
        return tuple(p.partition("/")[2] for p in self._settings.platforms if "/" in p) or ("amd64", "arm64")
