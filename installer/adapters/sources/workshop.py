"""Makes what upstream's registries would give: files, images and charts from released modules.

The same code serves `bundle lock`, which records digests, and `bundle build`, which must meet them.
Everything made is kept by the hash of its inputs, so a second time costs nothing.
"""

from __future__ import annotations

import fcntl
import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.charts import MEDIA_TYPE as CHART_TYPE
from installer.adapters.sources.charts import pack_chart
from installer.adapters.sources.debian import DebianArchive, unpack
from installer.adapters.sources.go import LOCAL, Compilers, GoPrograms
from installer.adapters.sources.images import Inputs, compose
from installer.adapters.sources.pypi import WheelIndex
from installer.adapters.sources.toolchains import C_REQUIREMENT, GO_REQUIREMENT, unpack_toolchain
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
    digest_of,
)
from installer.model.catalog import Catalog
from installer.model.events import Notice
from installer.ports import Reporter

_TOOLS_PYTHON = "3.11"  # the compilers' wheels hold no Python code; any version names them
_CERTIFICATES = "ca-certificates"
_RELEASE = "trixie"
_COMPOSITION = 1  # raised when images.py makes other bytes from the same inputs


class Workshop:
    """Makes artefacts of a catalogue."""

    def __init__(
        self,
        catalog: Catalog,
        roles: Path,
        cache: Path,
        store: BlobStore,
        archives: Mapping[str, DebianArchive],
        wheels: WheelIndex,
        reporter: Reporter,
        recorded: Lock | None = None,
        relock: bool = False,
    ) -> None:
        """Work for one lock or build.

        Args:
            roles: folder of all roles, for their `files/`.
            cache: where made things are kept.
            archives: Debian archives by release.
            recorded: the lock to follow, or the last one when `relock` resolves anew.
        """
        self._modules = {
            (component.name, module.module): (component.name, module)
            for component in catalog
            for module in component.description.artifacts.go_modules
        }
        self._roles = roles
        self._cache = cache
        self._store = store
        self._archives = archives
        self._wheels = wheels
        self._reporter = reporter
        self._recorded = recorded
        self._relock = relock
        self._guard = threading.RLock()
        self._tools: dict[tuple[str, str], LockedItem] = {}
        self._go_locks: dict[str, GoLock] = {}
        self._programs: GoPrograms | None = None
        self._module_guards: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @property
    def tools(self) -> tuple[LockedItem, ...]:
        """Return what was used to make things, for the lock."""
        return tuple(sorted(self._tools.values(), key=lambda item: item.key))

    @property
    def go_locks(self) -> Mapping[str, GoLock]:
        """Return the build lists resolved, for the lock."""
        return dict(sorted(self._go_locks.items()))

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
        packed = pack_chart(tree / spec.build.path, spec.name, spec.version)
        blob = self._store.put_bytes(packed, CHART_TYPE)
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
        packages = self._packages(build.debian.release, build.debian.packages, build.debian.without, spec.name) if build.debian else ()
        certificates = self._packages(_RELEASE, (_CERTIFICATES,), _ALL_BUT_CERTIFICATES, _CERTIFICATES) if build.ca_certificates else ()
        trees = [self._module(component, files.module) for files in build.module_files]
        facts = {
            "composition": _COMPOSITION,
            "build": repr(build),
            "programs": {name: path.parent.name for name, path in programs.items()},
            "packages": [item.digest for item in (*packages, *certificates)],
            "trees": [f"{module.module}@{module.version}" for module in trees],
            "title": [spec.name, spec.version],
        }
        kept = self._cache / "compositions" / digest_of(json.dumps(facts, sort_keys=True).encode()).removeprefix("sha256:")
        if kept.exists():
            blobs = tuple(Blob(**entry) for entry in json.loads(kept.read_text()))
            if all(self._store.has(blob.digest) for blob in blobs):
                return blobs
        self._reporter.emit(Notice(f"Composing {spec.name}:{spec.version}."))
        inputs = Inputs(
            programs=programs,
            debian_root=self._unpacked(packages) if packages else None,
            trees=tuple(
                self._go().module_directory(module.module, module.version) / files.path
                for module, files in zip(trees, build.module_files, strict=True)
            ),
            certificates=self._certificates(certificates) if certificates else None,
        )
        blobs = compose(build, inputs, self._store, spec.name, spec.version)
        kept.parent.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_suffix(".new")
        temporary.write_text(json.dumps([{"digest": b.digest, "size": b.size, "media_type": b.media_type} for b in blobs]))
        temporary.replace(kept)
        return blobs

    def _certificates(self, packages: tuple[LockedItem, ...]) -> Path:
        """Return the authorities' file that the package's script would write."""
        root = self._unpacked(packages)
        path = root.parent / f"{root.name}.crt"
        if not path.exists():
            sources = sorted((root / "usr/share/ca-certificates/mozilla").glob("*.crt"))
            path.write_bytes(b"".join(source.read_bytes() for source in sources))
        return path

    def _unpacked(self, packages: tuple[LockedItem, ...]) -> Path:
        """Return a folder with the packages' files, made once."""
        name = digest_of("".join(sorted(item.digest for item in packages)).encode()).removeprefix("sha256:")[:24]
        root = self._cache / "roots" / name
        with _locked(self._cache / "roots" / f"{name}.lock"):
            if not root.exists():
                for item in packages:
                    self._fetch_package(item)
                half = root.with_suffix(".half")
                unpack([self._store.path(item.digest) for item in packages], half)
                half.rename(root)
        return root

    def _fetch_package(self, item: LockedItem) -> None:
        if not self._store.has(item.digest):
            self._archives[str(item.origin["release"])].fetch(item, self._store, self._reporter)

    def _packages(self, release: str, names: tuple[str, ...], without: tuple[str, ...], scope: str) -> tuple[LockedItem, ...]:
        with self._guard:
            known = self._recorded_tools(scope)
            if known and not self._relock:
                items = known
            else:
                items = tuple(
                    _tool(item, scope, release) for item in self._archives[release].closure(names, without=without)
                )
            self._tools.update({(scope, item.name): item for item in items})
            return items

    def _recorded_tools(self, scope: str) -> tuple[LockedItem, ...]:
        return tuple(item for item in (self._recorded.tools if self._recorded else ()) if item.scope == scope)

    def _program(self, component: str, name: str) -> Path:
        spec = self._module_of(component, name)
        files = self._roles / component / "files"
        lock = self._go_lock(component, spec)
        c_root = self._c_root(spec) if spec.cgo else None
        self._reporter.emit(Notice(f"Building {name} from {spec.module} {spec.version}."))
        return self._go().build(spec, name, lock, files, c_root)

    def _c_root(self, spec: GoModule) -> Path:
        items: list[LockedItem] = []
        by_release: defaultdict[str, list[str]] = defaultdict(list)
        for entry in spec.c_packages:
            release, _, name = entry.partition("/")
            by_release[release].append(name)
        for release, names in by_release.items():
            wanted = self._packages(release, tuple(names), (), f"{spec.module} on {release}")
            items.extend(item for item in wanted if item.name in names)
        return self._unpacked(tuple(items))

    def _go_lock(self, component: str, spec: GoModule) -> GoLock:
        with self._module_guards[f"{component} {spec.module}"]:
            key = f"{component}/{spec.module}"
            if key not in self._go_locks:
                files = self._roles / component / "files"
                recorded = (self._recorded.go if self._recorded else {}).get(key)
                if recorded is None or recorded.spec != self._go().declared(spec, files):
                    recorded = self._go().resolve(spec, files)
                self._go_locks[key] = recorded
            return self._go_locks[key]

    def _go(self) -> GoPrograms:
        with self._guard:
            if self._programs is None:
                go, c = self._compiler(GO_REQUIREMENT), self._compiler(C_REQUIREMENT)
                self._programs = GoPrograms(
                    self._cache,
                    Compilers(
                        go=unpack_toolchain(go, self._store, self._cache) / "go",
                        go_digest=go.digest,
                        c=unpack_toolchain(c, self._store, self._cache) / "ziglang" / "zig",
                        c_digest=c.digest,
                    ),
                )
            return self._programs

    def _compiler(self, requirement: str) -> LockedItem:
        name = requirement.split("==")[0]
        recorded = {item.name: item for item in self._recorded_tools(_COMPILERS)}
        item = recorded.get(name)
        if item is None or f"{item.name}=={item.version}" != requirement:
            (resolved,) = self._wheels.closure({"bundle": [requirement]}, _TOOLS_PYTHON)
            item = _tool(resolved, _COMPILERS, "")
        if not self._store.has(item.digest):
            self._wheels.fetch(item, self._reporter)
        self._tools[(_COMPILERS, name)] = item
        return item

    def _module_of(self, component: str, program: str) -> GoModule:
        for owner, module in self._modules.values():
            if owner == component and program in module.programs:
                return module
        raise InvalidConfiguration(
            [Problem(f"roles/{component}/component.yml", f"no go_module makes the program {program}.")], "the catalogue"
        )

    def _module(self, component: str, path: str) -> GoModule:
        found = self._modules.get((component, path))
        if found is None or found[1].version == LOCAL:
            raise InvalidConfiguration(
                [Problem(f"roles/{component}/component.yml", f"{path} is not among its go_modules.")], "the catalogue"
            )
        return found[1]


_COMPILERS = "compilers"
# The authorities' files need nothing to be read.
_ALL_BUT_CERTIFICATES = ("openssl", "debconf")


def _tool(item: LockedItem, scope: str, release: str) -> LockedItem:
    return LockedItem(
        kind=item.kind,
        name=item.name,
        version=item.version,
        digest=item.digest,
        blobs=item.blobs,
        origin={**item.origin, "release": release} if release else item.origin,
        licence=item.licence,
        needed_by=(),
        scope=scope,
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
