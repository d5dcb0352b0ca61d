"""The repository as data, for the laws over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from installer.adapters.yaml_files import read_yaml

PROJECT = Path(__file__).resolve().parents[1]
ROLES = tuple(sorted(path.name for path in (PROJECT / "roles").iterdir() if path.is_dir()))
COLLECTION = PROJECT / "collections" / "ansible_collections" / "platform" / "base"
SHARED_ROLES = tuple(sorted(path.name for path in (COLLECTION / "roles").iterdir() if path.is_dir()))
VERBS = ("preflight", "deploy", "verify", "remove")


def role_folder(name: str) -> Path:
    """Return the folder of a component's role, or of one that roles share."""
    return PROJECT / "roles" / name if name in ROLES else COLLECTION / "roles" / name


def read(path: Path) -> Any:
    """Return a YAML file's content; nothing when it is not there."""
    return read_yaml(path).data if path.exists() else None


def tasks_in(entries: Any) -> Iterator[dict[str, Any]]:
    """Yield tasks, those of blocks too."""
    for entry in entries or []:
        yield entry
        for part in ("block", "rescue", "always"):
            yield from tasks_in(entry.get(part))


def text_files(*folders: Path) -> Iterator[Path]:
    """Yield the files below folders that people read."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".sum", ".pyc"):
                yield path


def shown(path: Path) -> str:
    """Return a path as messages name it."""
    return path.relative_to(PROJECT).as_posix()
