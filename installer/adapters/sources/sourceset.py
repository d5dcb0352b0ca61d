"""All sources as one: chooses between upstream and the workshop by the inventory's origin."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from installer.adapters.sources.chart_repositories import ChartRepositories
from installer.adapters.sources.debian import DebianArchive, InstalledPackage
from installer.adapters.sources.directory import fetch_from_directory, pin_directory
from installer.adapters.sources.downloads import Downloads
from installer.adapters.sources.files import fetch_file, pin_file
from installer.adapters.sources.model_folder import hash_model, read_model, require_fit
from installer.adapters.sources.model_images import ModelImages
from installer.adapters.sources.oci import Registry, split_name
from installer.adapters.sources.pypi import WheelIndex
from installer.adapters.sources.wheel_files import fetch_from_wheel, pin_from_wheel
from installer.adapters.sources.workshop import Workshop
from installer.engine.models import changed_files, locked_model, problems_in
from installer.errors import InvalidConfiguration, PlatformError, Problem
from installer.model.artifact import BUILD, ChartSpec, FileSpec, GoLock, ImageSpec, Kind, Lock, LockedItem
from installer.model.bundle import BundleSettings, DebianTarget
from installer.model.catalog import Catalog
from installer.model.models import LIST, ORIGIN, OWNER, ModelEntry
from installer.ports import Reporter

_MADE = ("go", "composed", "packed")


class Relock(enum.Enum):
    """What is pinned anew; everything else keeps what the last lock says of it."""

    NOTHING = "nothing"
    PACKAGES = "packages"
    EVERYTHING = "everything"


class NotReproduced(PlatformError):
    """A thing made again from the same inputs has other bytes than the lock says."""


class SourceSet:
    """Pins and fetches items of every kind. May be used by several threads."""

    def __init__(
        self,
        settings: BundleSettings,
        catalog: Catalog,
        downloads: Downloads,
        archives: Mapping[str, DebianArchive],
        wheels: WheelIndex,
        workshop: Workshop,
        reporter: Reporter,
        kept: Lock | None = None,
    ) -> None:
        """Combine the sources an inventory's settings ask for.

        Args:
            kept: pin as this lock does what is no Debian package and not made from one.
        """
        self._settings = settings
        self._downloads = downloads
        self._store = downloads.store
        self._archives = archives
        self._wheels = wheels
        self._workshop = workshop
        self._reporter = reporter
        self._models = ModelImages(self._store, settings.platforms)
        self._repositories = ChartRepositories(downloads, settings.mirrors)
        self._kept = kept.items if kept else ()
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

    def expect(self, items: Iterable[LockedItem]) -> None:
        """Be told of items that will be fetched, and check that there is room to make them.

        Raises:
            DiskTooSmall: there is not.
        """
        missing = [item for item in items if not self._has(item)]
        self._wheels.expect(item for item in missing if item.origin["type"] == "pypi")
        programs: list[tuple[str, str]] = []
        for item in missing:
            owner = item.needed_by[0] if item.needed_by else ""
            if item.kind is Kind.IMAGE and item.origin["type"] == "composed":
                programs += _programs_of(owner, self._images.get((owner, item.name)))
            elif item.kind is Kind.FILE and item.origin["type"] == "go":
                programs += _programs_of(owner, self._files.get((owner, item.name)))
        self._workshop.expect(programs)

    def expect_everything(self) -> None:
        """Be told that everything will be pinned, and check that there is room to make it, and models are fit.

        Raises:
            DiskTooSmall: there is not.
            InvalidConfiguration: a model is not; everything that is wrong is listed.
        """
        anew = [e for e in self._settings.models if not self._recorded(Kind.IMAGE, e.image, e.tag, OWNER)]
        problems = [problem for entry in anew for problem in problems_in(read_model(entry.directory))]
        if problems:
            raise InvalidConfiguration(problems, "the models")
        specs: list[tuple[str, ImageSpec | FileSpec]] = []
        if self._settings.origin == BUILD:
            specs += ((owner, image) for (owner, _), image in self._images.items())
            specs += ((owner, file) for (owner, _), file in self._files.items())
        self._workshop.expect([program for owner, spec in specs for program in _programs_of(owner, spec)])

    def image(self, component: str, spec: ImageSpec) -> tuple[LockedItem, ...]:
        """Pin an image, one item for each platform wanted."""
        if self._settings.origin == BUILD and spec.build is not None:
            return (self._workshop.image(component, spec),)
        if kept := self._recorded(Kind.IMAGE, spec.name, spec.version, component):
            return kept
        registry, repository = split_name(spec.name)
        reader = Registry(registry, repository, self._settings.mirrors, self._downloads)
        items = []
        for platform in self._settings.platforms:
            blobs = reader.copy(spec.version, platform, self._reporter)
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
        if kept := self._recorded(Kind.CHART, spec.name, spec.version, component):
            return kept[0]
        if spec.build is not None and (self._settings.origin == BUILD or spec.is_made):
            return self._workshop.chart(component, spec)
        return self._repositories.pin(component, spec, self._reporter)

    def file(self, component: str, spec: FileSpec) -> tuple[LockedItem, ...]:
        """Pin a file, one item for each architecture wanted."""
        if self._settings.origin == BUILD and spec.program is not None:
            return (self._workshop.file(component, spec),)
        if self._settings.origin == BUILD and spec.wheel is not None:
            kept = self._recorded(Kind.FILE, spec.wheel.program, spec.wheel.version, component)
            return kept or (pin_from_wheel(component, spec, self._wheels, self._store),)
        if kept := self._recorded(Kind.FILE, spec.name, spec.version, component):
            return kept
        architectures = self._architectures()
        return tuple(pin_file(component, spec, name, self._downloads, self._reporter) for name in architectures)

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
        archive.fetch_all(items, self._store, self._reporter)
        return items

    def wheels(self, python: str, wanted: Mapping[str, Sequence[str]]) -> tuple[LockedItem, ...]:
        """Pin wheels of all components and what they need for one Python version."""
        if self._kept:
            of_python = [i for i in self._kept if i.kind is Kind.WHEEL and i.scope == f"python{python}"]
            return tuple(item for item in of_python if not set(wanted).isdisjoint(item.needed_by))
        return self._wheels.closure(wanted, python)

    def directory(self, name: str, folder: Path) -> tuple[LockedItem, ...]:
        """Pin the files of a folder the site brings itself."""
        return pin_directory(name, folder, self._store)

    def model(self, entry: ModelEntry) -> tuple[LockedItem, ...]:
        """Pin a model as an image, once its files were found fit to be carried.

        Raises:
            InvalidConfiguration: they are not; everything that is wrong is listed.
        """
        if kept := self._recorded(Kind.IMAGE, entry.image, entry.tag, OWNER):
            return kept
        return (self._models.make(entry, require_fit(entry.directory), self._reporter),)

    def refuse_changed_models(self, items: Sequence[LockedItem]) -> None:
        """Look at the folders of locked models, as far as they are there.

        Raises:
            InvalidConfiguration: files are not those that were locked; all of them are listed.
        """
        problems: list[Problem] = []
        for entry in self._settings.models:
            locked = locked_model(items, entry)
            if locked is not None and entry.directory.is_dir():
                digests = hash_model(require_fit(entry.directory), self._reporter)
                problems += changed_files(entry, locked, digests)
        if problems:
            raise InvalidConfiguration(problems, "the models")

    def fetch(self, item: LockedItem) -> None:
        """Put every blob of a locked item into the store.

        Raises:
            ArtifactGone: the source does not have it any more.
            PlatformError: the source does not answer, or has other bytes.
        """
        if self._has(item):
            return
        origin = str(item.origin["type"])
        if origin in _MADE:
            self._make_again(item, item.needed_by[0])
        else:
            self._fetchers()[origin](item)
        if not self._has(item):
            raise NotReproduced(
                f"The source of {item.name} {item.version} gives other bytes than the lock names ({item.digest}).",
                hint="Run `platform-install bundle lock` and look at what changed before you trust it.",
            )

    def _fetchers(self) -> Mapping[str, Callable[[LockedItem], None]]:
        return {
            "oci": self._fetch_image,
            "debian": lambda item: self._archives[item.scope].fetch(item, self._store, self._reporter),
            "pypi": lambda item: self._wheels.fetch(item, self._reporter),
            "file": lambda item: fetch_file(item, self._downloads, self._reporter),
            "wheel": lambda item: fetch_from_wheel(item, self._wheels, self._store, self._reporter),
            "helm": lambda item: self._repositories.fetch(item, self._reporter),
            "directory": lambda item: fetch_from_directory(item, self._settings.directories, self._store),
            ORIGIN: self._make_model,
        }

    def _fetch_image(self, item: LockedItem) -> None:
        registry, repository = str(item.origin["registry"]), str(item.origin["repository"])
        Registry(registry, repository, self._settings.mirrors, self._downloads).fetch(item, self._reporter)

    def _make_model(self, item: LockedItem) -> None:
        """Put a locked model's image into the store; its folder must hold what was locked."""
        for entry in self._settings.models:
            if locked_model([item], entry) is not None:
                self._models.make(entry, require_fit(entry.directory), self._reporter, item)
                return
        message = f"names no {item.name} {item.version}, which the lock holds."
        raise InvalidConfiguration([Problem(LIST, message, "Put it back, or run `platform-install bundle lock`.")])

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
                hint="The component's description changed since it was locked: run `platform-install bundle lock`.",
            )

    def _recorded(self, kind: Kind, name: str, version: str, component: str) -> tuple[LockedItem, ...]:
        wanted = (kind, name, version)
        return tuple(i for i in self._kept if (i.kind, i.name, i.version) == wanted and component in i.needed_by)

    def _has(self, item: LockedItem) -> bool:
        return all(self._store.has(blob.digest) for blob in item.blobs)

    def _architectures(self) -> tuple[str, ...]:
        return tuple(p.partition("/")[2] for p in self._settings.platforms if "/" in p) or ("amd64", "arm64")


def _programs_of(owner: str, spec: ImageSpec | FileSpec | None) -> list[tuple[str, str]]:
    """Return the programs a thing is made of."""
    if isinstance(spec, FileSpec):
        return [(owner, spec.program)] if spec.program else []
    return [(owner, name) for name in spec.build.programs] if spec is not None and spec.build is not None else []
