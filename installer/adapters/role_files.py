"""Digests of roles, so that a change in one is noticed."""

from __future__ import annotations

import hashlib
from pathlib import Path

_NOT_DEPLOYED = ("tests", "README.md", "__pycache__", "host_probe.py")
# Looks at hosts, and changes nothing on them.
_ONLY_LOOKS = "preflight"


def role_digests(project: Path) -> dict[str, str]:
    """Return for each role the digest of its files and of the verbs all roles share."""
    shared = _folder_digest(project / "collections" / "ansible_collections" / "platform" / "base")
    roles = sorted(path.parent for path in (project / "roles").glob("*/component.yml"))
    return {role.name: hashlib.sha256(f"{shared}{_folder_digest(role)}".encode()).hexdigest() for role in roles}


def offering(project: Path, verb: str) -> frozenset[str]:
    """Return the roles that have a verb: the file is the offer."""
    return frozenset(path.parent.parent.name for path in (project / "roles").glob(f"*/tasks/{verb}.yml"))


def _folder_digest(folder: Path) -> str:
    hasher = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        below = path.relative_to(folder)
        if any(part in _NOT_DEPLOYED or part.startswith(_ONLY_LOOKS) for part in below.parts):
            continue
        hasher.update(f"{below.as_posix()}\0{path.stat().st_size}\0".encode())
        hasher.update(path.read_bytes())
    return hasher.hexdigest()
