"""This project's own files, as a bundle carries them to a site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from installer.adapters.process import CommandFailed, run

_LEFT_OUT = (
    ".git",
    ".venv",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".ansible",
    ".import_linter_cache",
)


def project_files(project: Path, without: Iterable[Path] = ()) -> Iterator[tuple[str, Path]]:
    """Yield the path below the project and the place of every file that belongs to it.

    Args:
        without: folders whose files are carried otherwise, such as models that lie beside their inventory.
    """
    left_out = tuple(without)
    for path in sorted(_tracked(project) or _found(project)):
        place = project / path
        if place.is_file() and not place.is_symlink() and not any(map(place.is_relative_to, left_out)):
            yield path, place


def collection_files(project: Path) -> Iterator[tuple[str, Path]]:
    """Yield the same of the third-party collections, which the project's environment holds."""
    folder = project / ".venv" / "collections"
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            yield f"collections/{path.relative_to(folder)}", path


def _tracked(project: Path) -> list[str]:
    """Return what version control knows and what is new and not ignored; nothing outside a checkout."""
    if not (project / ".git").exists():
        return []
    try:
        listing = run(["git", "-C", str(project), "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    except CommandFailed:
        return []
    return [name for name in listing.decode().split("\0") if name]


def _found(project: Path) -> list[str]:
    paths = (path.relative_to(project) for path in project.rglob("*") if path.is_file())
    return [
        path.as_posix()
        for path in paths
        if not any(part in _LEFT_OUT or part.endswith(".egg-info") for part in path.parts)
    ]
