"""The state directory: one folder a site, for its owner alone."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path

from installer.errors import StateDamaged, UsageError

# What a state directory holds; a folder that holds other things is somebody's.
_OURS = (
    "journal.db",
    "keys",
    "lock",
    "runs",
    "reports",
    "backups",
    "bin",
    "bundle",
    "bundle_sequence",
    "kubeconfig",
    "allowed_signers",
)
_CERTIFICATE = re.compile(r"client-certificate-data: *([A-Za-z0-9+/=]+)")


def own_folder(path: Path) -> Path:
    """Return a state directory, made when it is not there, that nobody else can look into.

    Raises:
        UsageError: the folder is used for something else.
        StateDamaged: it cannot be made, or belongs to somebody else.
    """
    try:
        if path.exists():
            found = sorted(entry.name for entry in path.iterdir())
            if found and not any(name in _OURS for name in found):
                raise UsageError(
                    f"{path} is no state directory: it holds {', '.join(found[:3])}{' …' if len(found) > 3 else ''}.",
                    hint="Name a folder with --state that is empty, or that is not there yet.",
                )
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)
    except OSError as error:
        raise StateDamaged(
            f"The state directory {path} cannot be used: {error.strerror}.",
            hint="Run the command as its owner, or name another folder with --state.",
        ) from error
    return path


def kubeconfig_end(path: Path) -> str:
    """Return the day on which the access in a kubeconfig ends; empty when there is none."""
    try:
        found = _CERTIFICATE.search(path.read_text())
    except OSError:
        return ""
    if found is None:
        return ""
    # A library of some tenths of a second that only this needs.
    from cryptography.x509 import load_pem_x509_certificate

    return f"{load_pem_x509_certificate(base64.b64decode(found.group(1))).not_valid_after_utc:%Y-%m-%d}"


def secrets_in(paths: Mapping[str, Path]) -> tuple[str, ...]:
    """Return the contents of files that hold one secret each, as far as they are there."""
    return tuple(path.read_text() for path in paths.values() if path.is_file())
