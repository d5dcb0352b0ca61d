"""Write an entry into `models.yml` and leave all other lines as an operator wrote them."""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from installer.adapters.inventory_files.models import FIELDS, ModelList, read_model_list
from installer.adapters.yaml_files import YamlFile, read_yaml
from installer.errors import InvalidConfiguration, UsageError
from installer.model.models import ModelEntry

_HEAD = """\
# Models that the bundle carries. `platform-install model add` writes entries, `bundle lock` pins their files.
models:
"""
# Text that YAML reads as text without quotes: words, paths, and versions.
_PLAIN = re.compile(
    r"(?!(?:no|yes|on|off|true|false|null|none|y|n)\Z)[A-Za-z/][\w./+@-]*|\d+\.\d+\.\d+(-[\w.-]+)?", re.I
)


def put_model(path: Path, entry: ModelEntry) -> bool:
    """Add a model to a list, or change the entry of the same name and version; return whether it was there.

    Args:
        path: the list, which need not be there.
        entry: what it is to say; what is empty is left as it is.

    Raises:
        InvalidConfiguration: the list has mistakes.
        UsageError: it is written in a way that only its author should change.
    """
    before = read_model_list(path)
    if before.mistakes:
        raise InvalidConfiguration(before.mistakes, "the list of models")
    fields = _fields(path, entry)
    text, was_there = _edited(path, fields)
    _replace(path, text, lambda written: _require_meant(written, before, entry, path, fields))
    return was_there


def _fields(path: Path, entry: ModelEntry) -> dict[str, str]:
    folder = path.parent.resolve()
    inside = entry.directory.is_relative_to(folder)
    directory = entry.directory.relative_to(folder) if inside else entry.directory
    told = {name: str(getattr(entry, name)) for name in FIELDS if name != "directory"}
    # In the order in which a list is read.
    return {name: value for name in FIELDS if (value := {**told, "directory": directory.as_posix()}[name])}


def _edited(path: Path, fields: Mapping[str, str]) -> tuple[str, bool]:
    """Return the list's text with an entry, and whether it was there."""
    if not path.exists():
        return _HEAD + _new(fields, "  "), False
    document = read_yaml(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    entries = (document.data or {}).get("models") or []
    for index, entry in enumerate(entries):
        if (entry["name"], entry["version"]) == (fields["name"], fields["version"]):
            return "\n".join(_changed(document, lines, index, fields)) + "\n", True
    if entries:
        last = max(line for location, line in document.lines.items() if location[0] == "models")
        before = re.match(r"\s*", lines[document.lines["models", 0] - 1])
        new = _new(fields, before[0] if before else "")
        return "\n".join([*lines[:last], new.rstrip("\n"), *lines[last:]]) + "\n", False
    # Nothing is named yet: `models:` alone, or with an empty list behind it.
    kept = [line for line in lines if not re.fullmatch(r"(models:\s*(\[\s*\])?|---|\{\})\s*", line)]
    return "\n".join([*kept, "models:", _new(fields, "  ").rstrip("\n")]).lstrip("\n") + "\n", False


def _new(fields: Mapping[str, str], before: str) -> str:
    first, *others = (f"{name}: {_scalar(value)}" for name, value in fields.items())
    return "".join([f"{before}- {first}\n", *(f"{before}  {other}\n" for other in others)])


def _changed(document: YamlFile, lines: list[str], index: int, fields: Mapping[str, str]) -> list[str]:
    """Return the lines with other values in one entry; comments behind values stay."""
    made = list(lines)
    written = {name: line for name in fields if (line := document.lines.get(("models", index, name)))}
    dash = re.match(r"\s*-\s+", lines[document.lines["models", index] - 1])
    before = " " * len(dash[0]) if dash else ""
    for name, line in written.items():
        pattern = rf"(\s*(?:-\s+)?{name}:\s+)(\"[^\"]*\"|'[^']*'|[^#\s]+(?:\s+[^#\s]+)*)(\s+#.*|\s*)"
        if match := re.fullmatch(pattern, made[line - 1]):
            made[line - 1] = f"{match[1]}{_scalar(fields[name])}{match[3]}"
    made[max(written.values()) : max(written.values())] = [
        f"{before}{name}: {_scalar(value)}" for name, value in fields.items() if name not in written
    ]
    return made


def _scalar(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)


def _require_meant(
    written: ModelList, before: ModelList, entry: ModelEntry, path: Path, fields: Mapping[str, str]
) -> None:
    """Refuse a text that says something else than what was meant."""
    wanted = {(known.name, known.version): known for known in before.entries}
    old = wanted.get((entry.name, entry.version))
    wanted[entry.name, entry.version] = replace(
        entry,
        base_model=entry.base_model or (old.base_model if old else ""),
        quantisation=entry.quantisation or (old.quantisation if old else ""),
    )
    found = {(known.name, known.version): known for known in written.entries}
    alike = wanted.keys() == found.keys() and all(
        replace(wanted[key], where="") == replace(found[key], where="") for key in wanted
    )
    if written.mistakes or not alike:
        raise UsageError(
            f"{path} is written in a way that this command does not change.",
            hint="Write the entry by hand:",
            details=_new(fields, "  ").splitlines(),
        )


def _replace(path: Path, text: str, check: Callable[[ModelList], None]) -> None:
    """Write a file, whole or not at all, once its content was checked."""
    place = path.resolve()
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        check(read_model_list(temporary))
        temporary.chmod(stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o644)
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)
