"""Debian packages: what a target needs beside what it has, pinned by hash.

apt itself resolves, in a root of its own that knows only the archive of one release and the list of
packages the target has. Nothing of the machine's own apt is touched. Packages are fetched by the
address and the digest the lock names, so that the mirror's lists may have gone on since.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from installer.adapters.blob_store import BlobStore
from installer.adapters.process import CommandFailed, run
from installer.adapters.sources.addresses import shown
from installer.adapters.sources.apt import AptCall, AptRoot, Source, proxies
from installer.adapters.sources.downloads import Downloads, Wanted
from installer.adapters.sources.errors import ArtifactGone, DownloadFailed, SourceUnavailable
from installer.adapters.sources.http import HttpClient
from installer.model.artifact import Blob, Kind, LockedItem
from installer.ports import Reporter

_URI = re.compile(r"'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})")
_FIELD = re.compile(r"[A-Z][\w-]*: ")
_MEDIA_TYPE = "application/vnd.debian.binary-package"
_MIRROR_HINT = "Name a mirror in `platform_debian_archives`."
_AT_ONCE = 8
# The fields that say where a package comes from are the archive's, not a host's.
_NOT_OF_A_HOST = frozenset(
    ("Package", "Status", "Version", "Maintainer", "Filename", "Size", "SHA256", "MD5sum", "Description")
)


class PackageUnavailable(SourceUnavailable):
    """The archive does not hold a package, or cannot be read or trusted."""


@dataclass(frozen=True)
class Archive:
    """One release's archive.

    Attributes:
        release: code name: `trixie`, `noble`.
        uri: the mirror's address; the machine's own Debian mirror when empty.
        suites: suites below the URI; `(release,)` pins best, with `-updates` it is fresher.
        components: `main` and others.
        keyring: the keys that sign it.
    """

    release: str
    uri: str = ""
    suites: tuple[str, ...] = ()
    components: tuple[str, ...] = ("main",)
    keyring: Path = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class InstalledPackage:
    """A package a target has."""

    name: str
    version: str
    architecture: str = "amd64"


class DebianArchive:
    """Resolves and fetches packages of one release. May be used by several threads and processes."""

    def __init__(self, archive: Archive, cache: Path, architecture: str = "amd64") -> None:
        """Keep apt's private root below `cache`."""
        self.archive = archive
        self._architecture = architecture
        self._folder = cache / "apt" / f"{archive.release}-{architecture}"
        self._guard = threading.Lock()
        self._fresh = False

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def refresh(self) -> None:
        """Fetch the archive's package lists.

        Raises:
            PackageUnavailable: the mirror does not answer or its signature is not good.
        """
        archive = self.archive
        if not archive.keyring.is_file():
            raise PackageUnavailable(
                f"The keyring {archive.keyring} of {archive.release} is not there.",
                hint="Install the package with the archive's keys, or name `keyring` in `platform_debian_archives`.",
            )
        try:
            self._root.refresh()
        except CommandFailed as error:
            raise PackageUnavailable(
                f"The package lists of {archive.release} cannot be had from {shown(self._uri)}, or not be trusted.",
                hint="Check the mirror in `platform_debian_archives` and its keyring.",
                details=error.details,
            ) from error
        self._fresh = True

    def closure(
        self,
        wanted: Sequence[str],
        installed: Iterable[InstalledPackage] = (),
        without: Sequence[str] = (),
        needed_by: Mapping[str, Sequence[str]] | None = None,
    ) -> tuple[LockedItem, ...]:
        """Return the packages to add so that all wanted ones can be installed.

        Args:
            wanted: package names.
            installed: what the target has already.
            without: packages to leave out although something depends on them.
            needed_by: the components that want a package; dependencies get all of them.

        Raises:
            PackageUnavailable: a name is unknown or the dependencies cannot be met.
        """
        with self._guard:
            if not self._fresh:
                self.refresh()
        with self._root.reading() as call:
            call.tell(*_target(call, installed, without))
            try:
                listing = call.run("apt-get", "--print-uris", "-y", "install", *wanted)
            except CommandFailed as error:
                raise PackageUnavailable(
                    f"The packages {', '.join(wanted)} cannot all be installed on {self.archive.release}.",
                    hint="Check their names in the components' `packages`.",
                    # What is not met, apt tells beside its errors.
                    details=[*_unmet(error.stdout.decode(errors="replace")), *error.details],
                ) from error
        owners = needed_by or {}
        items = [self._item(line, owners) for line in listing.splitlines() if line.startswith("'")]
        return tuple(sorted(items, key=lambda item: item.key))

    def fetch(self, item: LockedItem, store: BlobStore, reporter: Reporter) -> None:
        """Put the package into the store.

        Raises:
            ArtifactGone: the archive has dropped that version.
            BundleRefused: the archive holds other bytes under its name.
        """
        url = f"{self._uri}/{item.origin['file']}"
        if urlsplit(url).scheme in ("file", "copy"):
            self._take(Path(unquote(urlsplit(url).path)), item, store)
            return
        try:
            Downloads(store, self._client).fetch(Wanted(url, item.name, item.digest, item.size), reporter)
        except DownloadFailed as error:
            if error.gone:
                raise ArtifactGone(item, self._named, [error.summary]) from error
            raise

    def fetch_all(self, items: Iterable[LockedItem], store: BlobStore, reporter: Reporter) -> None:
        """Put packages into the store, several at once.

        Raises:
            ArtifactGone: the archive has dropped one of those versions.
        """
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            futures = [pool.submit(self.fetch, item, store, reporter) for item in items if not store.has(item.digest)]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _item(self, line: str, owners: Mapping[str, Sequence[str]]) -> LockedItem:
        match = _URI.match(line)
        if match is None:
            raise PackageUnavailable(
                f"{self._named} gives no SHA-256 for a package.", hint=_MIRROR_HINT, details=[shown(line.strip("'"))]
            )
        everyone = tuple(sorted({owner for names in owners.values() for owner in names}))
        file = match["uri"].removeprefix(f"{self._uri}/")
        if "://" in file:
            # apt was led to another server by the mirror's own list of them.
            file = "pool/" + file.split("/pool/", 1)[-1]
        name, version, _ = match["file"].removesuffix(".deb").split("_")
        digest = f"sha256:{match['sha256']}"
        return LockedItem(
            kind=Kind.PACKAGE,
            name=name,
            version=unquote(version),
            digest=digest,
            blobs=(Blob(digest, int(match["size"]), _MEDIA_TYPE),),
            origin={"type": "debian", "file": file},
            licence="see /usr/share/doc/*/copyright in the package",
            needed_by=tuple(sorted(owners.get(name, everyone))),
            scope=self.archive.release,
        )

    def _take(self, path: Path, item: LockedItem, store: BlobStore) -> None:
        """Put a package of an archive that is mounted here into the store."""
        try:
            with path.open("rb") as stream:
                store.put(stream, item.digest)
        except FileNotFoundError as error:
            raise ArtifactGone(item, self._named, [f"There is no {path}."]) from error

    @cached_property
    def _uri(self) -> str:
        # apt writes paths of this machine with one slash.
        return re.sub(r"^(file|copy):/+", r"\1:/", (self.archive.uri or machine_mirror()).rstrip("/"))

    @property
    def _named(self) -> str:
        return f"The archive of {self.archive.release} at {shown(self._uri)}"

    @cached_property
    def _client(self) -> HttpClient:
        return HttpClient(proxies=proxies())

    @cached_property
    def _root(self) -> AptRoot:
        archive = self.archive
        suites = archive.suites or (archive.release,)
        source = Source(self._uri, suites, archive.components, self._architecture, archive.keyring)
        return AptRoot(self._folder, source)


def _target(call: AptCall, installed: Iterable[InstalledPackage], without: Sequence[str]) -> tuple[str, str]:
    """Return what apt is told of a target; relations come from the archive, versions from the target."""
    packages = {package.name: package for package in installed}
    packages.update({name: InstalledPackage(name, "") for name in without})
    if not packages:
        return "", ""
    known = {}
    for stanza in call.run("apt-cache", "show", "--no-all-versions", *sorted(packages), tolerate=True).split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if _FIELD.match(line))
        known[fields.get("Package", "")] = fields
    stanzas = [_status_stanza(package, known.get(name, {})) for name, package in sorted(packages.items())]
    # A package left out counts as installed, and must not be brought up to date.
    pins = "".join(f"Package: {name}\nPin: release *\nPin-Priority: -1\n\n" for name in without)
    return "\n\n".join(stanzas) + "\n", pins


def _unmet(listing: str) -> list[str]:
    """Return which dependencies cannot be met, out of all that apt says."""
    return [line.strip() for line in listing.splitlines() if line.startswith(" ")][-20:]


def _status_stanza(package: InstalledPackage, fields: Mapping[str, str]) -> str:
    """Return what dpkg would have written down of an installed package."""
    whole = fields and package.version == fields.get("Version")
    kept = [name for name in fields if whole or name in ("Provides", "Multi-Arch", "Architecture")]
    kept = [name for name in kept if name not in _NOT_OF_A_HOST]
    lines = [f"Package: {package.name}", "Status: install ok installed"]
    lines.append(f"Version: {package.version or fields.get('Version', '0')}")
    lines += [f"{name}: {fields[name]}" for name in kept]
    lines += [] if "Architecture" in kept else [f"Architecture: {package.architecture}"]
    return "\n".join([*lines, "Maintainer: none <none@example.com>", "Description: on the target already"])


def machine_mirror() -> str:
    """Return the Debian mirror this machine's apt is configured with.

    Raises:
        PackageUnavailable: none is configured.
    """
    form = ["--format", "$(REPO_URI) $(ORIGIN) $(RELEASE)", "Created-By: Packages"]
    listing = ""
    with suppress(CommandFailed):
        listing = run(["apt-get", "indextargets", *form]).decode()
    for line in listing.splitlines():
        uri, _, suite = line.partition(" ")
        if "debian" in line.lower() and "security" not in line and "-" not in suite.rsplit(" ", 1)[-1]:
            return uri.rstrip("/")
    raise PackageUnavailable("This machine's apt names no Debian mirror.", hint=_MIRROR_HINT)
