"""apt in a root of its own: it knows one archive, and nothing of the machine's packages or hooks.

The package lists are shared by every call; what a call says a target has is its own. A call holds the
lists while it reads them, so that no refresh changes them under it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from installer.adapters.process import CommandFailed, run
from installer.adapters.sources.scratch import locked, scratch_folder

# How this machine reaches mirrors. Its other settings are not for targets, and its hooks not for us.
_TRANSPORT = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries", "Acquire::ForceIPv")


@dataclass(frozen=True)
class Source:
    """What stands in a `.sources` file."""

    uri: str
    suites: Sequence[str]
    components: Sequence[str]
    architecture: str
    keyring: Path

    def text(self) -> str:
        """Return the file's text."""
        return (
            f"Types: deb\nURIs: {self.uri}\nSuites: {' '.join(self.suites)}\nComponents: {' '.join(self.components)}\n"
            f"Architectures: {self.architecture}\nSigned-By: {self.keyring}\n"
        )


class AptRoot:
    """One archive's package lists. May be used by several threads and processes."""

    def __init__(self, folder: Path, source: Source) -> None:
        """Keep the lists in `folder`."""
        # apt splits some paths at blanks and follows no relative ones.
        self._folder = folder.absolute()
        self._source = source

    def refresh(self) -> None:
        """Fetch the package lists anew.

        Raises:
            CommandFailed: the mirror does not answer, or its signature is not good.
        """
        with locked(self._folder / "lock"), self._call() as call:
            (self._folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
            call.run("apt-get", "update", "-o", "APT::Update::Error-Mode=any")

    @contextmanager
    def reading(self) -> Iterator[AptCall]:
        """Yield a call that finds the lists as they are, until it ends."""
        with locked(self._folder / "lock", shared=True), self._call() as call:
            yield call

    @contextmanager
    def _call(self) -> Iterator[AptCall]:
        with scratch_folder(self._folder / "calls") as private:
            (private / "archive.sources").write_text(self._source.text())
            (private / "archives" / "partial").mkdir(parents=True)
            call = AptCall(private, self._folder, self._source.architecture)
            call.tell("", "")
            yield call


class AptCall:
    """apt with a target's packages."""

    def __init__(self, private: Path, shared: Path, architecture: str) -> None:
        """Keep what the target has in `private`; the package lists lie in `shared`."""
        self._private = private
        settings = [f'{key} "{value}";' for key, value in _settings(private, shared, architecture).items()]
        (private / "apt.conf").write_text("\n".join([*_transport(), *settings]) + "\n")

    def tell(self, status: str, preferences: str) -> None:
        """Say what the target has, as dpkg would write it down, and what must not be chosen."""
        (self._private / "status").write_text(status)
        (self._private / "preferences").write_text(preferences)

    def run(self, program: str, *arguments: str, tolerate: bool = False) -> str:
        """Return what apt says; what it said before it failed when that is tolerated.

        Raises:
            CommandFailed: it failed and that is not tolerated.
        """
        # Read before any other file of settings, and says that there are none.
        environment = {"APT_CONFIG": str(self._private / "apt.conf"), "LC_ALL": "C.UTF-8"}
        try:
            return run([program, "-q", *arguments], environment=environment).decode()
        except CommandFailed as error:
            if tolerate:
                return error.stdout.decode()
            raise


def proxies() -> Mapping[str, str]:
    """Return the proxies this machine's apt goes through, by scheme."""
    found = {}
    for line in _transport():
        key, _, value = line.rstrip(";").partition(" ")
        scheme = key.removeprefix("Acquire::").removesuffix("::Proxy").lower()
        if key.endswith("::Proxy") and scheme in ("http", "https"):
            found[scheme] = "" if value.strip('"') == "DIRECT" else value.strip('"')
    return found


def _transport() -> list[str]:
    """Return the lines of this machine's settings that say how mirrors are reached."""
    try:
        listing = run(["apt-config", "dump", "--no-empty", "Acquire"]).decode()
    except CommandFailed:
        return []
    return [line for line in listing.splitlines() if line.startswith(_TRANSPORT)]


def _settings(private: Path, shared: Path, architecture: str) -> dict[str, object]:
    return {
        "Dir::Etc::main": "/dev/null",
        "Dir::Etc::parts": "/dev/null",
        "Dir::Etc::sourcelist": private / "archive.sources",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": private / "preferences",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::Etc::trusted": "/dev/null",
        "Dir::Etc::trustedparts": "/dev/null",
        "Dir::State": private,
        "Dir::State::lists": shared / "lists",
        "Dir::State::status": private / "status",
        "Dir::State::extended_states": private / "extended",
        "Dir::Cache": private,
        # What is the same for all targets is parsed once.
        "Dir::Cache::srcpkgcache": shared / "packages.bin",
        "Dir::Cache::pkgcache": "",
        "Acquire::AllowInsecureRepositories": "false",
        "Acquire::AllowDowngradeToInsecureRepositories": "false",
        "Acquire::AllowWeakRepositories": "false",
        "APT::Get::AllowUnauthenticated": "false",
        "Acquire::ForceHash": "SHA256",
        "Acquire::Languages": "none",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "true",
    }
