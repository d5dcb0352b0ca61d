"""What every source can say when it does not have something.

SourceUnavailable             3   a source does not have what a component names, or does not answer
├── ArtifactGone              3   what the lock pins is not there any more; carries the locked item
├── LoginRefused              3   a registry wants another log-in, or one at all
├── DownloadFailed            3   a server answered with an error, or with something else than was asked for
│   └── NoAnswer              3   a server cannot be reached, or breaks off
└── *Unavailable              3   one a kind, beside its source
DiskTooSmall                  3   there is no room for what has to be built
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from installer.errors import ExitCode, PlatformError
from installer.model.artifact import LockedItem

_GIB = 1 << 30


class SourceUnavailable(PlatformError):
    """A source does not have what a component names, or does not answer."""

    exit_code = ExitCode.INVALID_CONFIGURATION


class DownloadFailed(SourceUnavailable):
    """A server did not answer, or not with what was asked for.

    Attributes:
        status: what it answered; 0 when it did not.
    """

    def __init__(self, summary: str, hint: str = "", details: Sequence[str] = (), status: int = 0) -> None:
        self.status = status
        super().__init__(summary, hint, details)

    @property
    def gone(self) -> bool:
        """Return whether the server said that there is no such thing."""
        return self.status in (404, 410)


class NoAnswer(DownloadFailed):
    """A server cannot be reached, or breaks off."""


class LoginRefused(SourceUnavailable):
    """A registry does not let us read, with the log-in there is or without one."""

    def __init__(self, summary: str, details: Sequence[str] = ()) -> None:
        super().__init__(
            summary,
            hint="Check the name, and log in with the site's container tool; the file it keeps log-ins in is read: "
            "REGISTRY_AUTH_FILE, else ~/.docker/config.json.",
            details=details,
        )


class ArtifactGone(SourceUnavailable):
    """Upstream does not have a locked item any more: a release dropped it, or it was withdrawn.

    Attributes:
        item: what the lock pins.
    """

    def __init__(self, item: LockedItem, where: str, details: Sequence[str] = ()) -> None:
        self.item = item
        super().__init__(
            f"{where} does not hold {item.name} {item.version} any more, which the lock pins.",
            hint="Run `platform-install bundle lock` to pin what there is now, and look at what changed.",
            details=details,
        )


class DiskTooSmall(PlatformError):
    """There is no room for what has to be built.

    Attributes:
        folder: where it would be built.
        needed: bytes it takes.
        free: bytes there are.
    """

    exit_code = ExitCode.INVALID_CONFIGURATION

    def __init__(self, folder: Path, needed: int, free: int, programs: int) -> None:
        self.folder = folder
        self.needed = needed
        self.free = free
        super().__init__(
            f"Building {programs} program{'' if programs == 1 else 's'} takes about {needed / _GIB:.1f} GiB "
            f"in {folder}, which has {free / _GIB:.1f} GiB: {(needed - free) / _GIB:.1f} GiB are missing.",
            hint=f"Make room there, or put {folder} on a larger disk; most of it is free again afterwards.",
        )
