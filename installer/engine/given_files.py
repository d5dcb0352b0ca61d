"""Files that a site gives on the machine the command runs on: keys, passwords, authorities."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from installer.engine.inventory_rules.subject import is_opaque, spell
from installer.model.component import Component
from installer.model.inventory import Inventory, texts_of
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
            for way, text in texts_of(inventory.value(name)):
                path = Path(text).expanduser()
                if text and not is_opaque(text) and path.is_absolute() and not is_readable(path):
                    who = f"{spell(name, way)} ({inventory.where(name, way=way)})"
                    said = f"has no file {path} that can be read, which {who} names."
                    found.append(Finding(_HERE, _CHECK, Severity.FAILURE, said, _CURE, component.name))
    return tuple(found)
