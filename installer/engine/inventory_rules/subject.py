"""What the rules look at: an inventory, and the defaults of what it leaves open."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from installer.model.artifact import Lock
from installer.model.catalog import Catalog
from installer.model.component import Component
from installer.model.inventory import ALL, Interface, Inventory, Level, Setting, Way

# In a way: any key of a mapping, or any entry of a list.
EACH = "*"
_TEMPLATE = ("{{", "{%", "{#")
_SEAL = "$ANSIBLE_VAULT;"
_SEALED_KEYS = ("__ansible_vault", "__ansible_unsafe")
_SECRET = re.compile(r"(password|passwd|passphrase|token|secret|_pass)$", re.IGNORECASE)
_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Subject:
    """An inventory with everything it is judged by.

    Attributes:
        needs_lock: nothing can be done without a lock, so its lack is a mistake.
    """

    inventory: Inventory
    interface: Interface
    catalog: Catalog
    lock: Lock | None
    needs_lock: bool = False

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """Return every value the inventory sets; where files cannot be read, without its line."""
        return (*self.inventory.settings, *self._unlocated())

    @cached_property
    def left_out(self) -> Mapping[str, Any]:
        """Return the components the inventory leaves out, with their reasons."""
        found = self.value("platform_without")
        return found if isinstance(found, Mapping) else {}

    @cached_property
    def wanted(self) -> tuple[Component, ...]:
        """Return the components the inventory has."""
        return tuple(component for component in self.catalog if component.name not in self.left_out)

    def value(self, name: str, host: str | None = None) -> Any:
        """Return a variable's value or default; None when there is none or it is not known here."""
        found = self.inventory.value(name, host)
        if found is None:
            found = self.interface.defaults.get(name)
        return None if is_opaque(found) else found

    def entries(self, name: str) -> list[Any]:
        """Return the entries of a list; none when the value is something else."""
        found = self.value(name)
        return found if isinstance(found, list) else []

    def _unlocated(self) -> Iterable[Setting]:
        """Yield what no file that can be read sets: values of INI files and of programs."""
        inventory = self.inventory
        if inventory.sealed:
            # Any of them may come from an encrypted file.
            return
        file = str(inventory.path)
        known = {(setting.level, setting.owner, setting.name) for setting in inventory.settings}
        for name, value in inventory.variables.items():
            # Every default stands among the values for all hosts.
            own = name not in self.interface.defaults or value != self.interface.defaults[name]
            if own and (Level.ALL, ALL, name) not in known:
                yield Setting(name, Level.ALL, ALL, value, file)
        for host in inventory.hosts.values():
            groups = [(Level.GROUP, group) for group in host.groups]
            for name, value in host.variables.items():
                if not any((*owner, name) in known for owner in [(Level.HOST, host.name), *groups]):
                    yield Setting(name, Level.HOST, host.name, value, file)


def is_opaque(value: Any) -> bool:
    """Return whether a value is only known on a host: a template, or encrypted."""
    if isinstance(value, Mapping):
        return any(key in value for key in _SEALED_KEYS)
    return isinstance(value, str) and (value.startswith(_SEAL) or any(mark in value for mark in _TEMPLATE))


def texts_at(subject: Subject, variable: str, way: Way) -> Iterator[tuple[str, Way, str]]:
    """Yield each text at a way in a variable that is known here: where it is written, its own way, and the text."""
    for setting in subject.settings:
        if setting.name == variable:
            for found, text in texts_in(setting.value, way):
                if not is_opaque(text):
                    yield setting.where(found), found, text


def texts_in(value: Any, way: Way, walked: Way = ()) -> Iterator[tuple[Way, str]]:
    """Yield the texts at a way in a value, each with its own; of what has another shape, the types' rule tells."""
    if not way:
        if isinstance(value, str):
            yield walked, value
        return
    step, rest = way[0], way[1:]
    if isinstance(value, Mapping):
        for key in value if step == EACH else [step] if step in value else []:
            yield from texts_in(value[key], rest, (*walked, str(key)))
    elif isinstance(value, list) and step == EACH:
        for index, entry in enumerate(value):
            yield from texts_in(entry, rest, (*walked, index))


def is_secret(name: str) -> bool:
    """Return whether a name says that its value is nobody's business."""
    return _SECRET.search(name) is not None


def spell(name: str, way: Way) -> str:
    """Return a value's name as one would write it: `peers[0].address`."""
    return name + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way)


def show(value: Any) -> str:
    """Return a value as it stands in YAML, cut when it is long; never what others hold, which may be secret."""
    if isinstance(value, Mapping | list):
        return "a mapping" if isinstance(value, Mapping) else "a list"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def did_you_mean(name: str, names: Iterable[str], otherwise: str = "", nearness: float = 0.7) -> str:
    """Return a question for the nearest name, or the sentence for when none is as near, from 0 to 1."""
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=nearness)
    return f"Did you mean `{near[0]}`?" if near else otherwise


def listed(names: Iterable[str]) -> str:
    """Return names as one part of a sentence."""
    return ", ".join(names)
