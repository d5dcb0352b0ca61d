"""YAML with the line every value stands on, so that a mistake can be shown where it was made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from installer.errors import InvalidConfiguration, Problem

Location = tuple[str | int, ...]

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MARKS = ("!vault", "!vault-encrypted", "!unsafe")


class Marked(str):
    """Text that Ansible takes as it is, or decrypts: whatever stands in it, nothing is filled in."""

    __slots__ = ()


def _text(_loader: Any, node: Any) -> Marked:
    return Marked(node.value)


class _Loader(_Base):  # type: ignore[misc]
    """Reads plain values; what Ansible marks as encrypted, or as not to be filled in, stays text."""

    yaml_constructors: ClassVar[dict[Any, Any]] = {**_Base.yaml_constructors, **dict.fromkeys(_MARKS, _text)}


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
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfiguration([Problem(str(path), f"cannot be read: {error}.")], "a file") from error
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        # Before the values are made: making them moves merged keys away from where they were written.
        walked = list(_walk(node, (), set()))
        data = loader.construct_document(node) if node is not None else None
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidConfiguration([_not_yaml(path, text, error)], "a file") from error
    finally:
        loader.dispose()
    lines: dict[Location, int] = {}
    duplicates: list[tuple[Location, int]] = []
    for location, line, repeated in walked:
        if repeated:
            duplicates.append((location, line))
        lines[location] = line
    return YamlFile(path, data, lines, tuple(duplicates))


def _not_yaml(path: Path, text: str, error: Exception) -> Problem:
    """Return what is wrong with a text that is not YAML, and the usual cure."""
    mark = getattr(error, "problem_mark", None)
    message = f"is not YAML: {getattr(error, 'problem', None) or error}."
    if mark is None:
        return Problem(str(path), message)
    # The parser stops behind the mistake, sometimes a line late.
    line = "\n".join(text.splitlines()[max(0, mark.line - 1) : mark.line + 1])
    cure = ""
    if "\t" in line:
        cure = "Indent with spaces."
    elif re.search(r":\s*\{\{", line):
        cure = "Put quotes around a value that begins with `{{`."
    return Problem(f"{path}:{mark.line + 1}", message, cure)


def _walk(node: Any, location: Location, seen: set[int]) -> Iterator[tuple[Location, int, bool]]:
    """Yield each key and entry with its line; what an alias repeats stands where it was first written."""
    if id(node) in seen:
        return
    if isinstance(node, yaml.MappingNode):
        seen.add(id(node))
        keys: set[Location] = set()
        for key, value in node.value:
            below = (*location, _scalar(key))
            yield below, key.start_mark.line + 1, below in keys
            keys.add(below)
            yield from _walk(value, below, seen)
    elif isinstance(node, yaml.SequenceNode):
        seen.add(id(node))
        for index, value in enumerate(node.value):
            yield (*location, index), value.start_mark.line + 1, False
            yield from _walk(value, (*location, index), seen)


def _scalar(node: Any) -> str:
    return str(getattr(node, "value", node))
