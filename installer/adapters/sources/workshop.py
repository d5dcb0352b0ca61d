"""Makes what upstream's registries would give: files, images and charts from released modules and wheels.

The same code serves `bundle lock`, which records digests, and `bundle build`, which must meet them.
Everything made is kept by the hash of its inputs, so a second time costs nothing.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.building import Building, room_for
from installer.adapters.sources.charts import MEDIA_TYPE as CHART_TYPE
from installer.adapters.sources.charts import pack
from installer.adapters.sources.compositions import Compositions
from installer.adapters.sources.go import GoPrograms
from installer.adapters.sources.go_command import GoCommand, caches_in_use, drop_caches
from installer.adapters.sources.go_modules import LOCAL
from installer.adapters.sources.images import Inputs, compose
from installer.adapters.sources.roots import Roots, name_of
from installer.adapters.sources.scratch import clean_up
from installer.adapters.sources.services import read_service
from installer.adapters.sources.tools import Tools
from installer.adapters.sources.wheel_programs import read_wheels
from installer.errors import InvalidConfiguration, Problem
from installer.model.artifact import (
    Blob,
    ChartSpec,
    FileSpec,
    GoLock,
    GoModule,
    ImageSpec,
    Kind,
    Lock,
    LockedItem,
)
from installer.model.catalog import Catalog
from installer.model.events import Notice
from installer.ports import Reporter

_CERTIFICATES = "ca-certificates"
# The authorities' files need nothing to be read.
_ALL_BUT_CERTIFICATES = ("openssl", "debconf")
_RELEASE = "trixie"
_COMPOSITION = 1  # raised when images.py makes other bytes from the same inputs


class Workshop:
    """Makes artefacts of a catalogue. May be used by several threads.

    It is a context: at its end compile caches are dropped, unless something failed that will be tried again.
    """

    def __init__(
        self,
        catalog: Catalog,
        roles: Path,
        cache: Path,
        store: BlobStore,
        roots: Roots,
        tools: Tools,
        reporter: Reporter,
        recorded: Lock | None = None,
    ) -> None:
        """Work for one lock or build.

        Args:
            roles: folder of all roles, for their `files/`.
            cache: where made things are kept.
            roots: unpacked packages.
            recorded: the lock whose build lists hold while nothing they come from has changed.
        """
        self._modules = {
            (component.name, module.module): module
            for component in catalog
            for module in component.description.artifacts.go_modules
        }
        self._roles = roles
        self._services = roles.parent / "services"
        self._cache = cache
        self._store = store
        self._roots = roots
        self._tools = tools
        self._reporter = reporter
        self._recorded = recorded.go if recorded else {}
        self._compositions = Compositions(cache / "compositions", store)
        self._guard = threading.Lock()
        self._go_locks: dict[str, GoLock] = {}
        self._programs: GoPrograms | None = None
        self._building = Building(0, reporter)
        self._module_guards: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._in_use = ExitStack()

    def __enter__(self) -> Workshop:
        """Keep the compile caches, and clean up what killed builds left."""
        self._in_use.enter_context(caches_in_use(self._caches))
        clean_up(self._caches / "work")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Drop the compile caches when all went well."""
        self._in_use.close()
        if kind is None:
            drop_caches(self._caches)

    @property
    def tools(self) -> tuple[LockedItem, ...]:
        """Return what was used to make things, for the lock."""
        return self._tools.used

    @property
    def go_locks(self) -> Mapping[str, GoLock]:
        """Return the build lists resolved, for the lock."""
        return dict(sorted(self._go_locks.items()))

    def expect(self, wanted: Sequence[tuple[str, str]]) -> None:
        """Say how many of these programs must be built, and check that there is room to.

        Args:
            wanted: components and the names of their programs.

        Raises:
            DiskTooSmall: there is not.
        """
        missing = [(component, name) for component, name in sorted(set(wanted)) if not self._is_kept(component, name)]
        if missing:
            modules = {(component, self._module_of(component, name).module) for component, name in missing}
            room_for(len(missing), len(modules), self._caches, self._reporter)
        self._building = Building(len(missing), self._reporter)

    def file(self, component: str, spec: FileSpec) -> LockedItem:
        """Make a file that is a program."""
        module = self._module_of(component, spec.program or spec.name)
        blob = self._store.put_file(self._program(component, spec.program or spec.name))
        return LockedItem(
            kind=Kind.FILE,
            name=spec.name,
            version=spec.version,
            digest=blob.digest,
            blobs=(blob,),
            origin={"type": "go", "module": module.module, "version": module.version},
            licence=spec.licence,
            needed_by=(component,),
        )

    def chart(self, component: str, spec: ChartSpec) -> LockedItem:
        """Pack a chart out of a module."""
        assert spec.build is not None
        module = self._module(component, spec.build.module)
        tree = self._go().module_directory(module.module, module.version)
        blob = self._store.put_bytes(pack(spec, tree / spec.build.path), CHART_TYPE)
        return LockedItem(
            kind=Kind.CHART,
            name=spec.name,
            version=spec.version,
            digest=blob.digest,
            blobs=(blob,),
            origin={"type": "packed", "module": module.module, "version": module.version},
            licence=spec.licence,
            needed_by=(component,),
        )

    def image(self, component: str, spec: ImageSpec) -> LockedItem:
        """Compose an image."""
        blobs = self._composed(component, spec)
        return LockedItem(
            kind=Kind.IMAGE,
            name=spec.name,
            version=spec.version,
            digest=blobs[0].digest,
            blobs=blobs,
            origin={"type": "composed"},
            licence=spec.licence,
            needed_by=(component,),
            scope="linux/amd64",
        )

    def _composed(self, component: str, spec: ImageSpec) -> tuple[Blob, ...]:
        build = spec.build
        assert build is not None
        programs = {name: self._program(component, name) for name in build.programs}
        layer = build.debian
        packages = self._tools.packages(layer.release, layer.packages, spec.name, layer.without) if layer else ()
        certificates = self._certificates() if build.ca_certificates else ()
        service = read_service(build.python, self._services, self._tools, spec.name) if build.python else None
        trees = [self._module(component, files.module) for files in build.module_files]
        wheels = read_wheels(build.wheel_programs, self._tools, spec.name)
        facts = {
            "composition": _COMPOSITION,
            "build": repr(build),
            "programs": {name: path.parent.name for name, path in programs.items()},
            "packages": [item.digest for item in (*packages, *certificates)],
            "trees": [f"{module.module}@{module.version}" for module in trees],
            "title": [spec.name, spec.version],
            **(service.facts() if service else {}),
            **wheels.facts(),
        }

        def make() -> tuple[Blob, ...]:
            self._reporter.emit(Notice(f"Composing {spec.name}:{spec.version}."))
            inputs = Inputs(
                programs=programs,
                debian_root=self._roots.unpacked(packages) if packages else None,
                trees=tuple(
                    self._go().module_directory(module.module, module.version) / files.path
                    for module, files in zip(trees, build.module_files, strict=True)
                ),
                certificates=self._roots.authorities(certificates) if certificates else None,
                layers=service.layers(self._store) if service else (),
                wheel_programs=wheels.programs(self._store),
            )
            return compose(build, inputs, self._store, spec.name, spec.version)

        return self._compositions.of(facts, make)

    def _certificates(self) -> tuple[LockedItem, ...]:
        return self._tools.packages(_RELEASE, (_CERTIFICATES,), _CERTIFICATES, _ALL_BUT_CERTIFICATES)

    def _program(self, component: str, name: str) -> Path:
        spec, files = self._module_of(component, name), self._roles / component / "files"
        lock = self._go_lock(component, spec)
        c_packages = self._c_packages(spec)
        inputs = self._go().inputs(spec, name, lock, files, name_of(c_packages) if c_packages else None)
        kept = self._go().kept(inputs, name)
        if kept is None:
            with self._go().turn(spec, inputs):
                # Another thread or process may have built it while this one waited.
                kept = self._go().kept(inputs, name)
                if kept is None:
                    c_root = self._roots.unpacked(c_packages) if c_packages else None
                    with self._building.of(f"{name} from {spec.module} {spec.version}"):
                        kept = self._go().build(spec, name, lock, files, inputs, c_root)
        return kept

    def _is_kept(self, component: str, name: str) -> bool:
        spec, files = self._module_of(component, name), self._roles / component / "files"
        recorded = self._recorded.get(f"{component}/{spec.module}")
        if recorded is None or recorded.spec != self._go().declared(spec, files):
            return False
        c_packages = self._c_packages(spec)
        inputs = self._go().inputs(spec, name, recorded, files, name_of(c_packages) if c_packages else None)
        return self._go().kept(inputs, name) is not None

    def _c_packages(self, spec: GoModule) -> tuple[LockedItem, ...]:
        """Return the packages whose headers and libraries a cgo program needs, and no others."""
        items: list[LockedItem] = []
        by_release: defaultdict[str, list[str]] = defaultdict(list)
        for entry in spec.c_packages if spec.cgo else ():
            release, _, name = entry.partition("/")
            by_release[release].append(name)
        for release, names in by_release.items():
            wanted = self._tools.packages(release, names, f"{spec.module} on {release}")
            items.extend(item for item in wanted if item.name in names)
        return tuple(items)

    def _go_lock(self, component: str, spec: GoModule) -> GoLock:
        with self._module_guards[f"{component} {spec.module}"]:
            key = f"{component}/{spec.module}"
            if key not in self._go_locks:
                files = self._roles / component / "files"
                recorded = self._recorded.get(key)
                if recorded is None or recorded.spec != self._go().declared(spec, files):
                    recorded = self._go().resolve(spec, files)
                self._go_locks[key] = recorded
            return self._go_locks[key]

    def _go(self) -> GoPrograms:
        with self._guard:
            if self._programs is None:
                compilers = self._tools.compilers()
                command = GoCommand(self._caches, compilers.go)
                self._programs = GoPrograms(self._cache / "programs", compilers, command)
            return self._programs

    @property
    def _caches(self) -> Path:
        return self._cache / "go"

    def _module_of(self, component: str, program: str) -> GoModule:
        for (owner, _), module in self._modules.items():
            if owner == component and program in module.programs:
                return module
        raise InvalidConfiguration(
            [Problem(f"roles/{component}/component.yml", f"no go_module makes the program {program}.")], "the catalogue"
        )

    def _module(self, component: str, path: str) -> GoModule:
        found = self._modules.get((component, path))
        if found is None or found.version == LOCAL:
            raise InvalidConfiguration(
                [Problem(f"roles/{component}/component.yml", f"{path} is not among its go_modules.")], "the catalogue"
            )
        return found
