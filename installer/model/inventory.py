"""An inventory: the hosts of a site, their groups, and what differs there from the defaults."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from installer.errors import Problem
from installer.model.models import ModelEntry

ALL = "all"

# The way to a value inside another: keys of mappings, indexes of lists.
Way = tuple[str | int, ...]


def texts_of(value: Any, way: Way = ()) -> Iterator[tuple[Way, str]]:
    """Yield the texts that are a value, or stand anywhere in it, each with its way."""
    if isinstance(value, str):
        yield way, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from texts_of(entry, (*way, str(key)))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from texts_of(entry, (*way, index))


@dataclass(frozen=True)
class VariableSpec:
    """What a variable may be.

    Attributes:
        type: as in an argument specification, or `address`, `network`, `port`.
        required: it has no default, so an inventory must set it.
        owner: the role whose interface it is; empty for platform-wide variables.
        elements: the type of a list's entries.
        options: what a mapping, or each mapping in a list, may hold; anything when empty.
        entries: what each mapping may hold that stands in this one by a name of the site's own; anything when empty.
    """

    name: str
    type: str
    description: str
    required: bool
    owner: str = ""
    elements: str = ""
    choices: tuple[Any, ...] = ()
    options: Mapping[str, VariableSpec] = field(default_factory=dict)
    entries: Mapping[str, VariableSpec] = field(default_factory=dict)


@dataclass(frozen=True)
class Interface:
    """Everything an inventory may set.

    Attributes:
        variables: by name.
        defaults: values of those that have one.
        groups: group names with what they are for.
    """

    variables: Mapping[str, VariableSpec]
    defaults: Mapping[str, Any]
    groups: Mapping[str, str]


@dataclass(frozen=True)
class Host:
    """A host; `variables` are those set for it or for a group of its own, not for all."""

    name: str
    groups: frozenset[str]
    variables: Mapping[str, Any]

    @property
    def address(self) -> str:
        """Return the address the platform reaches it by."""
        return str(self.variables.get("platform_address") or self.variables.get("ansible_host") or self.name)


class Level(enum.Enum):
    """Whose values a setting gives."""

    ALL = "all"
    GROUP = "group"
    HOST = "host"


@dataclass(frozen=True)
class Setting:
    """One place of an inventory that gives a variable a value.

    Attributes:
        owner: the group or host it is given to; `all` for every host.
        value: as it is written, templates not filled in.
        file: where it is written.
        place: the variable's way through the file.
        lines: the line of each value of the file, by its way; empty when unknown.
    """

    name: str
    level: Level
    owner: str
    value: Any
    file: str
    place: Way = ()
    lines: Mapping[Way, int] = field(default_factory=dict)

    def where(self, way: Way = ()) -> str:
        """Return `file:line` of a value inside the variable's, or of the nearest thing around it."""
        found = (*self.place, *way)
        while found and found not in self.lines:
            found = found[:-1]
        return f"{self.file}:{self.lines[found]}" if found in self.lines else self.file


@dataclass(frozen=True)
class Template:
    """A value of an inventory that Ansible fills in where it is used.

    Attributes:
        name: the variable it is of.
        way: the way to it inside the variable's value.
        where: `file:line`.
        reads: the names it takes values from.
        fault: why it is no template; empty as a rule.
    """

    name: str
    way: Way
    where: str
    reads: frozenset[str]
    fault: str = ""


@dataclass(frozen=True)
class Inventory:
    """The hosts and variables of one site.

    Attributes:
        path: the folder or file given.
        hosts: by name, in the order written.
        variables: those set for all hosts, defaults included.
        explicit: names set by the inventory itself, for any host or group.
        lines: where a variable, host or group stands: `file:line`.
        mistakes: found while reading.
        settings: every place that gives a variable a value, as far as the files can be read; of
            those for the same host or group, the last counts.
        groups: every group that is named anywhere, and where; empty where a program named it.
        sealed: files that are encrypted; what they hold is not known here.
        installed: for each release, the packages its hosts have before anything is installed.
        models: those that its bundle carries.
        templates: those among its values.
    """

    name: str
    path: Path
    hosts: Mapping[str, Host]
    variables: Mapping[str, Any]
    explicit: frozenset[str] = frozenset()
    lines: Mapping[str, str] = field(default_factory=dict)
    mistakes: tuple[Problem, ...] = ()
    settings: tuple[Setting, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    sealed: tuple[str, ...] = ()
    installed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    models: tuple[ModelEntry, ...] = ()
    templates: tuple[Template, ...] = ()

    def members(self, pattern: str) -> tuple[str, ...]:
        """Return the hosts a component's `runs_on` means: `a:b`, `a[0]`, `all`."""
        found: dict[str, None] = {}
        for part in pattern.split(":"):
            name, _, index = part.partition("[")
            members = [host.name for host in self.hosts.values() if name == ALL or name in host.groups]
            chosen = members[int(index.rstrip("]")) :][:1] if index else members
            found.update(dict.fromkeys(chosen))
        return tuple(found)

    def value(self, name: str, host: str | None = None) -> Any:
        """Return a variable's value for all hosts, or for one; None when nothing sets it."""
        if host is not None and name in self.hosts[host].variables:
            return self.hosts[host].variables[name]
        return self.variables.get(name)

    def where(self, name: str, host: str | None = None, way: Way = ()) -> str:
        """Return `file:line` of a variable, host or group; the inventory itself when unknown.

        Args:
            name: the variable's, the host's or the group's.
            host: look for the variable where this host gets its value from.
            way: a value inside the variable's.
        """
        setting = self._setting(name, host)
        return setting.where(way) if setting is not None else self.lines.get(name, str(self.path))

    def _setting(self, name: str, host: str | None) -> Setting | None:
        """Return the setting whose value counts: the host's, one of its groups', everybody's."""
        known = self.hosts.get(host or "")
        groups = known.groups if known is not None else frozenset()
        owners = ((Level.HOST, (host,)), (Level.GROUP, groups), (Level.ALL, (ALL,)))
        settings = self._by_name.get(name, ())
        for level, names in owners:
            for setting in reversed(settings):
                if setting.level is level and setting.owner in names:
                    return setting
        return None

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[Setting, ...]]:
        found: dict[str, list[Setting]] = {}
        for setting in self.settings:
            found.setdefault(setting.name, []).append(setting)
        return {name: tuple(settings) for name, settings in found.items()}
