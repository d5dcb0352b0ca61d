"""The files with a site's passphrases; none is ever on a command line or in an environment."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from pathlib import Path

import typer

from installer.cli.wiring import Site
from installer.errors import UsageError

_AUTHORITY, _BACKUP = "PLATFORM_CA_PASSPHRASE_FILE", "PLATFORM_BACKUP_PASSPHRASE_FILE"


def passphrase_files(site: Site) -> dict[str, str]:
    """Return the files, by the variables that plays find them by; a lab makes the authority's passphrase itself."""
    authority = _authority(site)
    given = os.environ.get(_BACKUP)
    if given and not Path(given).is_file():
        raise UsageError(f"{given} is not there, and {_BACKUP} names it.", hint="Correct the name.")
    backup = _closed(Path(given)) if given else authority
    return {_AUTHORITY: str(authority), _BACKUP: str(backup.resolve())}


def _authority(site: Site) -> Path:
    given = os.environ.get(_AUTHORITY)
    path = Path(given) if given else site.state / "keys" / "authority_passphrase"
    if path.exists():
        return _closed(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = secrets.token_urlsafe(32) if site.lab_name else _ask()
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secret)
    return path


def _closed(path: Path) -> Path:
    """Return a file that its owner alone can read.

    Raises:
        UsageError: others can.
    """
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"{path} can be read by others than its owner.", hint=f"Run `chmod 600 {path}`.")
    return path


def _ask() -> str:
    if not sys.stdin.isatty():
        raise UsageError(
            "The platform's authority needs a passphrase, and there is no terminal to ask at.",
            hint=f"Name a file that holds it in {_AUTHORITY}.",
        )
    return str(
        typer.prompt("Passphrase for the platform's authority", hide_input=True, confirmation_prompt=True, err=True)
    )
