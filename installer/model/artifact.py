"""What components declare, what a lock pins, and what a bundle carries.

Three ages of one artefact: a *spec* in `component.yml` names it, `bundle lock` turns it into a
*locked item* with a digest, and `bundle build` puts its *blobs* into the bundle.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")
# Where artefacts come from, as inventories and locks say it.
UPSTREAM, BUILD = "upstream", "build"
# Stands for a kernel's release in the names of packages.
KERNEL = "{kernel}"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


def check_digest(text: str) -> str:
    """Return the digest unchanged.

    Raises:
        ValueError: it is not `sha256:` and 64 hexadecimal digits.
    """
    if not _DIGEST.match(text):
        raise ValueError(f"{text!r} is not a digest; write sha256: and 64 hexadecimal digits")
    return text


Digest = Annotated[str, AfterValidator(check_digest)]


def digest_of(content: bytes) -> str:
    """Return the digest of content held in memory."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


# ---------------------------------------------------------------- specs: what a component declares


@dataclass(frozen=True, config=STRICT)
class GoModule:
    """Programs made from one released Go module, where upstream's files cannot be had.

    Attributes:
        module: module path; for a program of our own, the name of a folder below the role's `files/`.
        version: the released version; `directory` for a program of our own.
        programs: program name to package path below the module (`.` is its root).
        stamp: linker variables to set, `package.variable` to value.
        tags: build tags.
        cgo: the program needs a C compiler.
        c_packages: Debian packages, `release/name`, whose headers and libraries a cgo program needs.
        c_flags: flags for the C compiler.
        experiments: what the compiler does otherwise than by default, as GOEXPERIMENT names it.
        replace: module path to `path@version`, or to a folder below the role's `files/`.
        additions: path in the module to a folder below the role's `files/`, of files that the module's programs embed
            and its release does not have.
        licence: SPDX expression.
    """

    module: str
    version: str
    programs: Mapping[str, str]
    licence: str
    stamp: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    cgo: bool = False
    c_packages: tuple[str, ...] = ()
    c_flags: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    replace: Mapping[str, str] = field(default_factory=dict)
    additions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, config=STRICT)
class ModuleTree:
    """Files copied out of a released Go module into an image."""

    module: str
    path: str
    to: str
    exclude: tuple[str, ...] = ()
    executable: bool = False


@dataclass(frozen=True, config=STRICT)
class DebianLayer:
    """A user land made by unpacking Debian packages, without running their scripts.

    Attributes:
        release: Debian code name.
        packages: packages wanted; their dependencies follow.
        without: packages left out although something depends on them.
        exclude: paths dropped, shell patterns.
    """

    release: str
    packages: tuple[str, ...]
    without: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class PythonLayer:
    """A service of our own and its libraries, above a user land that has the interpreter.

    Attributes:
        service: its folder below `services/`, and the name of its package in there. Its `requirements.txt` pins every
            library by hashes.
        version: the interpreter's: `3.13`.
    """

    service: str
    version: str


@dataclass(frozen=True, config=STRICT)
class WheelFile:
    """A program inside a wheel, where neither upstream's file nor its module can be had.

    Attributes:
        program: what it is, by its own name.
        requirement: the wheel, `name==version`.
        member: the path inside; `{version}` is filled in.
        licence: SPDX expression of the program.
    """

    program: str
    requirement: str
    member: str
    licence: str

    @property
    def version(self) -> str:
        """Return the program's version, which is its wheel's."""
        return "v" + self.requirement.partition("==")[2]


@dataclass(frozen=True, config=STRICT)
class ImageBuild:
    """How to compose an image from programs, module files and Debian packages.

    Attributes:
        programs: program name to path in the image.
        entrypoint: the image's entry point.
        user: numeric `uid:gid`; root when absent, for programs that need it.
        debian: the layer below, if the program needs a user land.
        python: the layers above that, for a service in Python.
        module_files: trees out of Go modules.
        links: path in the image to link target.
        directories: empty directories to make; `/tmp` is made sticky.
        ca_certificates: add the public certificate authorities' file.
        wheel_programs: path in the image to the wheel that holds the program.
    """

    entrypoint: tuple[str, ...]
    programs: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    debian: DebianLayer | None = None
    python: PythonLayer | None = None
    module_files: tuple[ModuleTree, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    directories: tuple[str, ...] = ()
    ca_certificates: bool = False
    # Images without any keep what they were composed as: it is told apart by how a build is written out.
    wheel_programs: Mapping[str, WheelFile] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse libraries without an interpreter."""
        if self.python is not None and self.debian is None:
            raise ValueError("`python` wants an interpreter: name its packages in `debian`")


@dataclass(frozen=True, config=STRICT)
class ChartBuild:
    """A chart packed from the folder of a released Go module.

    Attributes:
        unreleased: the version that folder has until upstream's release writes the real one into it.
        definitions: the path is a file or a folder of custom resource definitions, which upstream has in no chart. One
            is made around them.
    """

    module: str
    path: str
    unreleased: str | None = None
    definitions: bool = False


@dataclass(frozen=True, config=STRICT)
class ChartSpec:
    """A Helm chart.

    Attributes:
        repository: an `https://` index or an `oci://` prefix; empty for a chart of definitions, which is always made.
        printed_by: the component's program that prints manifests which stand in for the chart, when nothing comes from
            upstream and no module has it.
    """

    name: str
    version: str
    licence: str
    repository: str = ""
    build: ChartBuild | None = None
    printed_by: str | None = None

    def __post_init__(self) -> None:
        """Refuse a chart that nobody has, and one that two have."""
        if bool(self.repository) == self.is_made:
            raise ValueError("name the `repository` of a chart, and none for `definitions`")

    @property
    def is_made(self) -> bool:
        """Return whether no repository has it, whatever the origin."""
        return self.build is not None and self.build.definitions

    def is_carried(self, origin: str) -> bool:
        """Return whether bundles of an origin have it."""
        return origin != BUILD or self.printed_by is None


@dataclass(frozen=True, config=STRICT)
class ImageSpec:
    """A container image by its upstream name and tag.

    Attributes:
        hosts: which hosts have it before anything asks for it: `nodes` (all that run pods),
            `control_plane`, `gpu`, or `none` for what only checks or a few sites need.
    """

    name: str
    version: str
    licence: str
    hosts: Literal["nodes", "control_plane", "gpu", "none"] = "nodes"
    build: ImageBuild | None = None


@dataclass(frozen=True, config=STRICT)
class FileSpec:
    """A single file, fetched from upstream or built.

    Attributes:
        url: where upstream publishes it; `{version}` and `{architecture}` are filled in.
        sha256: of what the URL answers, by architecture.
        member: the path inside, when the URL answers with a tar archive.
        program: the Go program that is the same file.
        wheel: where a program is that stands in for it, when nothing comes from upstream.
    """

    name: str
    version: str
    url: str
    sha256: Mapping[str, str]
    licence: str
    member: str | None = None
    program: str | None = None
    wheel: WheelFile | None = None

    def pinned_as(self, origin: str) -> tuple[str, str]:
        """Return the name and version a lock has it by, which are another program's where that stands in for it."""
        if origin == BUILD and self.wheel is not None:
            return self.wheel.program, self.wheel.version
        return self.name, self.version


@dataclass(frozen=True, config=STRICT)
class Artifacts:
    """Everything one component brings.

    Attributes:
        packages: Debian packages by release; the key `default` serves releases not named.
        package_sets: further Debian packages, by the set's name and release. The bundle carries all of them; hosts get
            the sets that the role's variables choose. `{kernel}` stands for each kernel of `platform_host_kernels`.
        package_versions: by release, how the versions begin that packages of a set must have, by name.
        wheels: Python requirements, pinned, for hosts the component runs on.
    """

    charts: tuple[ChartSpec, ...] = ()
    images: tuple[ImageSpec, ...] = ()
    files: tuple[FileSpec, ...] = ()
    packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    package_sets: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    package_versions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    wheels: tuple[str, ...] = ()
    go_modules: tuple[GoModule, ...] = ()

    def packages_for(self, release: str) -> tuple[str, ...]:
        """Return the packages wanted on hosts of a Debian or Ubuntu release."""
        return self.packages.get(release, self.packages.get("default", ()))

    def carried_for(self, release: str, kernels: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the packages a bundle carries for a release: those wanted, and every set for each kernel."""
        names = [name for sets in self.package_sets.values() for name in sets.get(release, ())]
        filled = [name.replace(KERNEL, kernel) for name in names for kernel in (kernels if KERNEL in name else ("",))]
        return tuple(dict.fromkeys([*self.packages_for(release), *filled]))


# ---------------------------------------------------------------- locked: what a lock pins


class Kind(enum.Enum):
    """What an item is, which decides where it goes on a host."""

    CHART = "chart"
    FILE = "file"
    IMAGE = "image"
    PACKAGE = "package"
    WHEEL = "wheel"
    MODEL = "model"
    INDEX = "index"
    INSTALLER = "installer"


@dataclass(frozen=True, config=STRICT)
class Blob:
    """Bytes by digest; `size` in bytes."""

    digest: Digest
    size: int
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, config=STRICT)
class LockedItem:
    """One artefact, pinned.

    Attributes:
        kind: what it is.
        name: upstream's name.
        version: upstream's version or tag.
        digest: of the item's own bytes; for an image, of its manifest or index.
        blobs: every blob the item is made of, its own bytes among them.
        origin: how it was had: `type` and what that source needs to have it again.
        licence: SPDX expression, or where the licence is written.
        needed_by: components that declare it.
        scope: what it is for: a Debian release, a Python version, a platform.
    """

    kind: Kind
    name: str
    version: str
    digest: Digest
    blobs: tuple[Blob, ...]
    origin: Mapping[str, Any]
    licence: str
    needed_by: tuple[str, ...]
    scope: str = ""

    @property
    def size(self) -> int:
        """Return the bytes of all its blobs."""
        return sum(blob.size for blob in self.blobs)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what orders and identifies items."""
        return (self.kind.value, self.name, self.scope, self.version)


@dataclass(frozen=True, config=STRICT)
class GoLock:
    """The resolved build list of one Go module's programs, line by line.

    Attributes:
        spec: digest of what the component declared when it was resolved.
    """

    spec: Digest
    go_mod: tuple[str, ...]
    go_sum: tuple[str, ...]


@dataclass(frozen=True, config=STRICT)
class Lock:
    """`bundle.lock.json`: every digest a bundle is built from.

    Attributes:
        format: `platform-lock/1`.
        origin: `upstream` or `build`: where the items came from.
        platforms: `linux/amd64` and others.
        items: sorted by key.
        tools: what built the items: wheels by name, items of their own that stay out of bundles.
        go: module path to its resolved build list.
        based_on: digest of the lock this one stands in for, because an archive dropped what that pins.
    """

    format: str
    origin: str
    platforms: tuple[str, ...]
    items: tuple[LockedItem, ...]
    tools: tuple[LockedItem, ...] = ()
    go: Mapping[str, GoLock] = field(default_factory=dict)
    based_on: Digest | None = None

    def find(self, kind: Kind, name: str, scope: str | None = None) -> LockedItem | None:
        """Return the item of that kind and name, or None."""
        for item in self.items:
            if item.kind is kind and item.name == name and scope in (None, item.scope):
                return item
        return None
