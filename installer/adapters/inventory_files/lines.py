"""What an inventory's YAML files say, line by line, before Ansible puts it together.

Files that are no YAML, or that programs make, are Ansible's alone: their lines are not known.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installer.adapters.yaml_files import YamlFile, read_yaml
from installer.errors import InvalidConfiguration, Problem
from installer.model.inventory import ALL, Level, Setting, Way
from installer.model.models import LIST

_FOLDERS = {"group_vars": Level.GROUP, "host_vars": Level.HOST}
_SUFFIXES = ("", ".yml", ".yaml", ".json")
_SEAL = b"$ANSIBLE_VAULT;"
_SECTIONS = "`hosts`, `vars` and `children`"
_RANGE = re.compile(r"(.*?)\[(\w+):(\w+)(?::(\d+))?\](.*)")


@dataclass(frozen=True)
class Written:
    """What the files say.

    Attributes:
        settings: in the order Ansible applies them, as far as one host or group is concerned.
        groups: every group named, and where first.
        hosts: every host named, and where first.
        sealed: encrypted files, which were not read.
    """

    settings: tuple[Setting, ...]
    groups: dict[str, str]
    hosts: dict[str, str]
    mistakes: tuple[Problem, ...]
    sealed: tuple[str, ...]


def read_written(path: Path) -> Written:
    """Read every YAML file of an inventory.

    Raises:
        InvalidConfiguration: files are not YAML; all of them are listed.
    """
    reading = _Reading()
    folder = path if path.is_dir() else path.parent
    for file in _host_files(path):
        if document := reading.read(file):
            reading.take_hosts(document)
    for name, level in _FOLDERS.items():
        reading.take_variables(folder / name, level)
    if reading.unreadable:
        raise InvalidConfiguration([*reading.unreadable, *reading.mistakes])
    return Written(
        tuple(reading.settings), reading.groups, reading.hosts, tuple(reading.mistakes), tuple(reading.sealed)
    )


def _host_files(path: Path) -> Iterator[Path]:
    """Yield the YAML files that name hosts."""
    if path.is_file():
        if path.suffix in (".yml", ".yaml"):
            yield path
        return
    for file in sorted(path.rglob("*")):
        parts = file.relative_to(path).parts
        hidden = any(part.startswith(".") for part in parts)
        names_no_hosts = hidden or parts[0] in _FOLDERS or parts == (LIST,)
        if file.suffix in (".yml", ".yaml") and file.is_file() and not names_no_hosts:
            yield file


def _variable_files(place: Path) -> Iterator[Path]:
    """Yield the files of one group or host."""
    if not place.is_dir():
        yield place
        return
    for entry in sorted(place.iterdir()):
        if entry.name.startswith(".") or entry.name.endswith("~"):
            continue
        if entry.is_dir():
            yield from _variable_files(entry)
        elif entry.suffix in _SUFFIXES:
            yield entry


def _is_sealed(file: Path) -> bool:
    """Return whether a file is encrypted; what cannot be read is told by who reads it."""
    try:
        with file.open("rb") as stream:
            return stream.read(len(_SEAL)) == _SEAL
    except OSError:
        return False


@dataclass
class _Reading:
    """What was found so far."""

    settings: list[Setting] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    mistakes: list[Problem] = field(default_factory=list)
    unreadable: list[Problem] = field(default_factory=list)
    sealed: list[str] = field(default_factory=list)

    def read(self, file: Path) -> YamlFile | None:
        """Return a file's content, or None when it says nothing here."""
        sealed = _is_sealed(file)
        if sealed or file.name.endswith(".vault.yml"):
            self.sealed.append(str(file))
            if not sealed:
                message = "is named as an encrypted file, and everybody can read it."
                self.mistakes.append(Problem(str(file), message, f"Run `ansible-vault encrypt {file}`."))
            return None
        try:
            document = read_yaml(file)
        except InvalidConfiguration as error:
            self.unreadable.extend(error.problems)
            return None
        for location, line in document.duplicates:
            message = f"{location[-1]} is written twice; the last one counts."
            self.mistakes.append(Problem(f"{file}:{line}", message, "Keep one of the two."))
        return document

    def take_variables(self, folder: Path, level: Level) -> None:
        """Note what the files below `group_vars` or `host_vars` set."""
        for place in sorted(folder.iterdir()) if folder.is_dir() else ():
            if place.name.startswith(".") or place.suffix not in _SUFFIXES:
                continue
            owner = place.stem
            if place.is_file() and place.suffix and (folder / owner).is_dir():
                message = f"is not read, because there is a folder {owner} beside it."
                self.mistakes.append(Problem(str(place), message, f"Move it to {folder / owner}/."))
                continue
            for file in _variable_files(place):
                document = self.read(file)
                if document is not None and document.data is not None:
                    where = Level.ALL if (level, owner) == (Level.GROUP, ALL) else level
                    self._take(document, document.data, (), where, owner)
            if level is Level.GROUP:
                self.groups.setdefault(owner, str(place))

    def take_hosts(self, document: YamlFile) -> None:
        """Note the groups, hosts and variables of a file that names hosts."""
        data = document.data
        if isinstance(data, dict) and "plugin" in data:
            return
        if isinstance(data, dict):
            for name, entry in data.items():
                self._take_group(document, str(name), entry, (str(name),))
        elif data is not None:
            self._refuse(document, (), "holds no groups.", "Write `all:`, and below it `children:` with the groups.")

    def _take_group(self, document: YamlFile, name: str, entry: Any, way: Way) -> None:
        self.groups.setdefault(name, document.where(way))
        if entry is not None and not isinstance(entry, dict):
            self._refuse(document, way, f"the group {name} is no mapping.", f"Write one of {_SECTIONS} below it.")
            return
        for section, content in (entry or {}).items():
            below = (*way, str(section))
            found = self._section(document, name, section, content, below)
            if section == "vars" and found:
                self._take(document, found, below, Level.ALL if name == ALL else Level.GROUP, name)
            for key, part in found.items() if section == "children" else ():
                self._take_group(document, str(key), part, (*below, str(key)))
            for key, part in found.items() if section == "hosts" else ():
                self._take_host(document, str(key), part, (*below, str(key)))

    def _section(self, document: YamlFile, group: str, section: str, content: Any, way: Way) -> dict[Any, Any]:
        """Return what stands in a section of a group; nothing when it cannot be what Ansible reads."""
        if section not in ("hosts", "vars", "children"):
            message = f"the group {group} cannot have `{section}`: Ansible passes over it and all below."
            self._refuse(document, way, message, f"Write one of {_SECTIONS}.")
            return {}
        if isinstance(content, str) and section != "vars":
            return {content: None}
        if content is not None and not isinstance(content, dict):
            message = f"`{section}` of the group {group} is no mapping."
            self._refuse(document, way, message, "Write `name:`, one a line, without a dash.")
            return {}
        return content or {}

    def _take_host(self, document: YamlFile, pattern: str, variables: Any, way: Way) -> None:
        for host in expand(pattern):
            self.hosts.setdefault(host, document.where(way))
            if variables:
                self._take(document, variables, way, Level.HOST, host)

    def _take(self, document: YamlFile, variables: Any, way: Way, level: Level, owner: str) -> None:
        if not isinstance(variables, dict):
            self._refuse(document, way, f"sets no variables of {owner}.", "Write `name: value`, one a line.")
            return
        file = str(document.path)
        for name, value in variables.items():
            place = (*way, str(name))
            self.settings.append(Setting(str(name), level, owner, value, file, place, document.lines))

    def _refuse(self, document: YamlFile, way: Way, message: str, cure: str) -> None:
        self.mistakes.append(Problem(document.where(way), message, cure))


def expand(pattern: str) -> list[str]:
    """Return the hosts that a name with ranges means: `w[01:12]`, `rack-[a:c]`, `w[2:8:2]`."""
    match = _RANGE.fullmatch(pattern)
    if match is None:
        return [pattern]
    head, first, last, step, tail = match.groups()
    if first.isdigit() and last.isdigit():
        width = len(first) if first.startswith("0") else 0
        names = [str(number).zfill(width) for number in range(int(first), int(last) + 1, int(step or 1))]
    else:
        letters = string.ascii_letters
        names = list(letters[letters.find(first) : letters.find(last) + 1 : int(step or 1)])
    return [host for name in names for host in expand(f"{head}{name}{tail}")]
