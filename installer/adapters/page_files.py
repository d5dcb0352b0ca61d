"""Rendered files of the project: read to compare, written when they differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class PageFiles:
    """Files below the project's root."""

    def __init__(self, project: Path) -> None:
        """Keep to one project."""
        self._project = project

    def differing(self, pages: Mapping[str, str]) -> tuple[str, ...]:
        """Return the paths of files that are not there or hold another text."""
        return tuple(path for path, text in pages.items() if self._read(path) != text)

    def write(self, path: str, text: str) -> None:
        """Write a file, whole or not at all."""
        place = self._project / path
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f"{place.name}.new")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(place)

    def _read(self, path: str) -> str | None:
        try:
            return (self._project / path).read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return None
