"""The Go command with caches of our own, and what its failures mean to an operator."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from installer.adapters.process import CommandFailed, run
from installer.adapters.sources.errors import SourceUnavailable
from installer.adapters.sources.scratch import empty_folder, locked, locked_alone, scratch_folder
from installer.errors import BundleRefused, PlatformError

_ATTEMPTS = 4
_GONE = re.compile(r"404 Not Found|410 Gone|unknown revision|not available|not found: module|no matching versions")
_OTHER_BYTES = re.compile(r"checksum mismatch|SECURITY ERROR")
_NO_ROOM = re.compile(r"no space left on device|disk quota exceeded")
_DISTRUSTED = re.compile(r"x509: |certificate signed by unknown authority|tls: failed to verify")
_NETWORK = re.compile(
    r"dial tcp|i/o timeout|no such host|connection re(?:fused|set)|TLS handshake|proxyconnect|unexpected EOF|"
    r"network is unreachable|server misbehaving|stream error|\b(?:429|50[0234])\b [A-Z]"
)
# Flags of the machine's own would change what is built.
_UNSET = ("CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_FFLAGS", "GODEBUG", "GOFIPS140", "GOEXPERIMENT")


class ModuleUnavailable(SourceUnavailable):
    """The module proxy does not hold a module or a version, or does not answer."""


class ProgramNotBuilt(SourceUnavailable):
    """The compiler refused a program."""


@dataclass(frozen=True)
class Compilers:
    """Where the pinned compilers lie, and what identifies them."""

    go: Path
    go_digest: str
    c: Path | None = None
    c_digest: str = ""


class GoCommand:
    """Runs `go`. May be used by several threads and processes."""

    def __init__(self, caches: Path, compiler: Path, sleep: Callable[[float], None] = time.sleep) -> None:
        """Keep downloaded modules and compiled packages in `caches`; `compiler` is Go's own folder."""
        self.caches = caches
        self._compiler = compiler
        self._sleep = sleep

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Yield a folder for one build, which is gone afterwards."""
        with scratch_folder(self.caches / "work") as folder:
            yield folder

    def run(
        self, what: str, arguments: Sequence[str], directory: Path, environment: Mapping[str, str] | None = None
    ) -> bytes:
        """Return what `go` prints; what breaks off on the way to the module proxy is tried again.

        Args:
            what: what to call the work before the operator.

        Raises:
            ModuleUnavailable: the proxy does not hold a module, or does not answer.
            ProgramNotBuilt: the compiler refused, or there is no room left.
            BundleRefused: a module has other bytes than were locked.
        """
        temporary = directory / ".tmp"
        temporary.mkdir(exist_ok=True)
        variables = {**self._environment(temporary), **(environment or {})}
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                command = [str(self._compiler / "bin" / "go"), *arguments]
                return run(command, directory=directory, environment=variables)
            except CommandFailed as error:
                if attempt == _ATTEMPTS or not may_pass(error.output):
                    raise explained(what, error) from error
            self._sleep(2.0**attempt)
        raise AssertionError("the last attempt returns or raises")

    def _environment(self, temporary: Path) -> dict[str, str]:
        return {
            **dict.fromkeys(_UNSET, ""),
            "GOOS": "linux",
            "GOARCH": "amd64",
            "GOAMD64": "v1",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-trimpath -buildvcs=false -modcacherw",
            "GOMODCACHE": str(self.caches / "modules"),
            "GOCACHE": str(self.caches / "build"),
            "GOENV": "off",
            "GOWORK": "off",
            # So that a killed build leaves nothing behind elsewhere.
            "GOTMPDIR": str(temporary),
            "TMPDIR": str(temporary),
            "PATH": f"{self._compiler / 'bin'}:{os.environ.get('PATH', '')}",
        }


@contextmanager
def caches_in_use(caches: Path) -> Iterator[None]:
    """Keep other processes from dropping the compile caches."""
    with locked(_guard(caches), shared=True):
        yield


def drop_caches(caches: Path) -> bool:
    """Delete the compile caches unless another process uses them, and return whether they are gone."""
    with locked_alone(_guard(caches)) as alone:
        if alone and caches.is_dir():
            empty_folder(caches)
        return alone


def may_pass(output: str) -> bool:
    """Return whether what Go said is a failure of the network that may be over in a moment."""
    return bool(_NETWORK.search(output)) and not (_GONE.search(output) or _DISTRUSTED.search(output))


def explained(what: str, error: CommandFailed) -> PlatformError:
    """Return the error of a Go command as an operator can act on it."""
    said, details = error.output, error.details
    if _OTHER_BYTES.search(said):
        return BundleRefused(
            f"{what}: a Go module has other bytes than the lock pins.",
            hint="The module proxy is damaged or was changed; compare with another before you pin it anew.",
            details=details,
        )
    if _NO_ROOM.search(said):
        hint = "Make room there and run the command again; what is finished is kept."
        return ProgramNotBuilt(f"{what}: there is no room left on the disk.", hint, details)
    if _GONE.search(said):
        hint = "Pin another version in the component's `go_modules`, or a `replace` for what is missing."
        return ModuleUnavailable(f"{what}: the module proxy does not hold a module.", hint, details)
    if _DISTRUSTED.search(said):
        hint = "If a private authority signed its certificate, name the authority's in SSL_CERT_FILE."
        return ModuleUnavailable(f"{what}: this machine does not trust the module proxy.", hint, details)
    if _NETWORK.search(said):
        hint = "Check this machine's network and its proxy variables, or name a mirror in GOPROXY; then run it again."
        return ModuleUnavailable(f"{what}: the module proxy does not answer.", hint, details)
    hint = "If the component's `go_modules` were changed, run `platform-install bundle lock`."
    return ProgramNotBuilt(f"{what}: Go refused.", hint, details)


def _guard(caches: Path) -> Path:
    return caches.with_name(f"{caches.name}.lock")
