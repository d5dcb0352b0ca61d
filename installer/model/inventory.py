"""An inventory: the hosts of a site, their groups, and what differs there from the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installer.errors import Problem

ALL = "all"


@dataclass(frozen=True)
class VariableSpec:
    """What a variable may be.

    Attributes:
        type: as in an argument specification, or `address`, `network`, `port`.
        required: it has no default, so an inventory must set it.
        owner: the role whose interface it is; empty for platform-wide variables.
    """

    name: str
    type: str
    description: str
    required: bool
    owner: str = ""
    elements: str = ""
    choices: tuple[Any, ...] = ()


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
    """

    name: str
    path: Path
    hosts: Mapping[str, Host]
    variables: Mapping[str, Any]
    explicit: frozenset[str] = frozenset()
    lines: Mapping[str, str] = field(default_factory=dict)
    mistakes: tuple[Problem, ...] = ()

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

    def where(self, name: str) -> str:
        """Return `file:line` of a variable, host or group; the inventory itself when unknown."""
        return self.lines.get(name, str(self.path))
