"""YAML with the line every value stands on, so that a mistake can be shown where it was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from installer.errors import InvalidConfiguration, Problem

Location = tuple[str | int, ...]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class YamlFile:
    """A YAML document.

    Attributes:
        path: the file.
        data: its content as plain values.
        lines: the line of each key or list entry, from 1, by its way through the document.
        duplicates: keys written twice in one mapping, with their lines; YAML keeps the last.
    """

    path: Path
    data: Any
    lines: Mapping[Location, int] = field(default_factory=dict)
    duplicates: tuple[tuple[Location, int], ...] = ()

    def where(self, location: Location = ()) -> str:
        """Return `file:line` of a value, or of the nearest thing around it that has a line."""
        while location and location not in self.lines:
            location = location[:-1]
        return f"{self.path}:{self.lines.get(location, 1)}"


def read_yaml(path: Path) -> YamlFile:
    """Read a YAML file.

    Raises:
        InvalidConfiguration: it cannot be read or is not YAML.
    """
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfiguration([Problem(str(path), f"cannot be read: {error}.")], "a file") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        message = getattr(error, "problem", None) or str(error)
        raise InvalidConfiguration([Problem(where, f"is not YAML: {message}.")], "a file") from error
    lines: dict[Location, int] = {}
    duplicates: list[tuple[Location, int]] = []
    for location, line, repeated in _walk(node, ()):
        if repeated:
            duplicates.append((location, line))
        lines[location] = line
    return YamlFile(path, data, lines, tuple(duplicates))


def _walk(node: Any, location: Location) -> Iterator[tuple[Location, int, bool]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[Any] = set()
        for key, value in node.value:
            below = (*location, _scalar(key))
            yield below, key.start_mark.line + 1, below in seen
            seen.add(below)
            yield from _walk(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*location, index), value.start_mark.line + 1, False
            yield from _walk(value, (*location, index))


def _scalar(node: Any) -> str:
    return str(getattr(node, "value", node))
