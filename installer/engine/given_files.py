"""Files that a site gives on the machine the command runs on: keys, passwords, authorities."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from installer.engine.inventory_rules.subject import is_opaque, spell
from installer.model.component import Component
from installer.model.inventory import Inventory, Way
from installer.model.preflight import Finding, Severity

_HERE = "this machine"
_CHECK = "given_files"
_CURE = "Put it there, readable for who runs the command, or correct the path."


def lacking_files(
    components: Collection[Component], inventory: Inventory, is_readable: Callable[[Path], bool]
) -> tuple[Finding, ...]:
    """Return the files that deployments of components would read here, and could not.

    A name that is filled in on a host, or that Ansible looks for below its own folders, is not looked at.
    """
    found = []
    for component in components:
        for name in component.description.reads_files:
            for way, text in _texts(inventory.value(name), ()):
                path = Path(text).expanduser()
                if text and not is_opaque(text) and path.is_absolute() and not is_readable(path):
                    who = f"{spell(name, way)} ({inventory.where(name, way=way)})"
                    said = f"has no file {path} that can be read, which {who} names."
                    found.append(Finding(_HERE, _CHECK, Severity.FAILURE, said, _CURE, component.name))
    return tuple(found)


def _texts(value: Any, way: Way) -> Iterator[tuple[Way, str]]:
    """Yield the texts that are a value, or in its list or mapping."""
    if isinstance(value, str):
        yield way, value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _texts(entry, (*way, str(key)))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _texts(entry, (*way, index))
