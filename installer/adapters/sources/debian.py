"""Debian packages: what a target needs beside what it has, pinned by hash.

apt itself resolves, in a root of its own that knows only the archive of one release and the list of
packages the target has. Nothing of the machine's own apt is touched.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from installer.adapters.process import CommandFailed, run
from installer.errors import PlatformError
from installer.model.artifact import Blob, Kind, LockedItem
from installer.ports import ArtifactStore, Reporter

_URI = re.compile(r"'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})")
_FIELD = re.compile(r"[A-Z][\w-]*: ")
_MEDIA_TYPE = "application/vnd.debian.binary-package"


class PackageUnavailable(PlatformError):
    """The archive does not hold a package, or not that version any more."""


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
    """Resolves and fetches packages of one release."""

    def __init__(self, archive: Archive, cache: Path, architecture: str = "amd64") -> None:
        """Keep apt's private root below `cache`."""
        self.archive = archive
        self._architecture = architecture
        self._root = cache / "apt" / f"{archive.release}-{architecture}"

    def refresh(self) -> None:
        """Fetch the archive's package lists.

        Raises:
            PackageUnavailable: the mirror does not answer or its signature is not good.
        """
        for folder in ("lists/partial", "cache/archives/partial", "etc"):
            (self._root / folder).mkdir(parents=True, exist_ok=True)
        archive = self.archive
        uri = archive.uri or machine_mirror()
        suites = " ".join(archive.suites or (archive.release,))
        (self._root / "etc" / "archive.sources").write_text(
            f"Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: {' '.join(archive.components)}\n"
            f"Architectures: {self._architecture}\nSigned-By: {archive.keyring}\n"
        )
        (self._root / "status").touch()
        try:
            self._apt("apt-get", ["update", "-o", "APT::Update::Error-Mode=any"])
        except CommandFailed as error:
            raise PackageUnavailable(
                f"The package lists of {archive.release} cannot be had from {uri}.",
                hint="Check the mirror in `platform_debian_archives` and its keyring.",
                details=error.details,
            ) from error

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
        self._write_status(installed, without)
        try:
            listing = self._apt("apt-get", ["--print-uris", "-y", "install", *wanted]).decode()
        except CommandFailed as error:
            raise PackageUnavailable(
                f"The packages {', '.join(wanted)} cannot all be installed on {self.archive.release}.",
                hint="Check their names in the components' `packages`.",
                details=error.details,
            ) from error
        owners = needed_by or {}
        everyone = tuple(sorted({owner for names in owners.values() for owner in names}))
        items = []
        for match in _URI.finditer(listing):
            name, version, _ = match["file"].removesuffix(".deb").split("_")
            items.append(
                LockedItem(
                    kind=Kind.PACKAGE,
                    name=name,
                    version=unquote(version),
                    digest=f"sha256:{match['sha256']}",
                    blobs=(Blob(f"sha256:{match['sha256']}", int(match["size"]), _MEDIA_TYPE),),
                    origin={"type": "debian", "file": "pool/" + match["uri"].split("/pool/", 1)[-1]},
                    licence="see /usr/share/doc/*/copyright in the package",
                    needed_by=tuple(sorted(owners.get(name, everyone))),
                    scope=self.archive.release,
                )
            )
        return tuple(sorted(items, key=lambda item: item.key))

    def fetch(self, item: LockedItem, store: ArtifactStore, reporter: Reporter) -> None:
        """Put the package into the store.

        Raises:
            PackageUnavailable: the archive has dropped that version.
        """
        del reporter  # packages are small; the caller counts whole items
        folder = self._root / "download" / item.digest.removeprefix("sha256:")[:16]
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._apt("apt-get", ["download", f"{item.name}={item.version}"], folder)
            (path,) = folder.glob("*.deb")
            with path.open("rb") as stream:
                store.put(stream, item.digest)
        except (CommandFailed, ValueError) as error:
            raise PackageUnavailable(
                f"The archive of {self.archive.release} does not hold {item.name} {item.version} any more.",
                hint="Run `platform-install bundle lock` to pin the version it holds now.",
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _write_status(self, installed: Iterable[InstalledPackage], without: Sequence[str]) -> None:
        """Tell apt what the target has; relations come from the archive, versions from the target."""
        (self._root / "status").write_text("")
        (self._root / "etc" / "preferences").write_text("")
        packages = {package.name: package for package in installed}
        packages.update({name: InstalledPackage(name, "") for name in without})
        if not packages:
            return
        listing = self._apt("apt-cache", ["show", "--no-all-versions", *sorted(packages)], tolerate=True).decode()
        known = {}
        for stanza in listing.strip().split("\n\n"):
            fields = {line.split(": ", 1)[0]: line.split(": ", 1)[1] for line in stanza.splitlines() if _FIELD.match(line)}
            known[fields.get("Package", "")] = fields
        stanzas = [_status_stanza(package, known.get(name, {})) for name, package in sorted(packages.items())]
        (self._root / "status").write_text("\n\n".join(stanzas) + "\n")
        # A package left out counts as installed, and must not be brought up to date.
        pins = "".join(f"Package: {name}\nPin: release *\nPin-Priority: -1\n\n" for name in without)
        (self._root / "etc" / "preferences").write_text(pins)

    def _apt(self, program: str, arguments: list[str], directory: Path | None = None, tolerate: bool = False) -> bytes:
        options = {
            "Dir::Etc::sourcelist": self._root / "etc" / "archive.sources",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::parts": "/dev/null",
            "Dir::Etc::preferences": self._root / "etc" / "preferences",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::trusted": "/dev/null",
            "Dir::Etc::trustedparts": "/dev/null",
            "Dir::State": self._root,
            "Dir::State::lists": self._root / "lists",
            "Dir::State::status": self._root / "status",
            "Dir::State::extended_states": self._root / "extended",
            "Dir::Cache": self._root / "cache",
            "Acquire::ForceHash": "SHA256",
            "Acquire::Languages": "none",
            "APT::Architecture": self._architecture,
            "APT::Architectures": self._architecture,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            "Debug::NoLocking": "true",
        }
        flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
        try:
            return run([program, *flags, "-qq", *arguments], directory=directory, environment={"LC_ALL": "C.UTF-8"})
        except CommandFailed as error:
            if tolerate:
                return error.stdout
            raise


def _status_stanza(package: InstalledPackage, fields: Mapping[str, str]) -> str:
    """Return what dpkg would have written down of an installed package."""
    whole = fields and package.version == fields.get("Version")
    kept = [name for name in fields if whole or name in ("Provides", "Multi-Arch", "Architecture")]
    # The fields that say where a package comes from are the archive's, not a host's.
    kept = [name for name in kept if name not in ("Package", "Status", "Version", "Maintainer", "Filename", "Size", "SHA256", "MD5sum", "Description")]
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
    try:
        listing = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(RELEASE)", "Created-By: Packages"])
    except CommandFailed as error:
        raise PackageUnavailable("This machine has no apt to fetch packages with.", hint=_MIRROR_HINT) from error
    for line in listing.decode().splitlines():
        uri, _, suite = line.partition(" ")
        if "debian" in line.lower() and "security" not in line and "-" not in suite.rsplit(" ", 1)[-1]:
            return uri.rstrip("/")
    raise PackageUnavailable("This machine's apt names no Debian mirror.", hint=_MIRROR_HINT)


_MIRROR_HINT = "Name a mirror in `platform_debian_archives`."


def unpack(packages: Sequence[Path], target: Path) -> None:
    """Unpack packages' files into one folder, without running their scripts."""
    target.mkdir(parents=True, exist_ok=True)
    for package in packages:
        reader = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE)
        # --keep-directory-symlink: /bin and /lib are links, which a package's directory must not replace.
        run_tar = subprocess.run(
            ["tar", "-xpf", "-", "--keep-directory-symlink", "--no-same-owner", "-C", str(target)],
            stdin=reader.stdout,
            capture_output=True,
            check=False,
        )
        if reader.wait() or run_tar.returncode:
            raise CommandFailed(["dpkg-deb", str(package)], reader.returncode, run_tar.stderr.decode(errors="replace"))
