"""What the shell offers when an operator presses Tab: names of inventories, components and hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

_PROJECT = Path(__file__).resolve().parents[2]
_LAB = "lab"


def inventories(context: typer.Context, words: list[str], incomplete: str) -> list[str]:  # noqa: ARG001 - typer's protocol
    """Return the inventories that come with the project; the shell itself completes paths."""
    folder = _PROJECT / "inventories"
    return _starting(incomplete, (path.name for path in folder.iterdir() if path.is_dir()))


def components(context: typer.Context, words: list[str], incomplete: str) -> list[str]:  # noqa: ARG001
    """Return the components of the catalogue."""
    return _starting(incomplete, (path.parent.name for path in _PROJECT.glob("roles/*/component.yml")))


def hosts(context: typer.Context, words: list[str], incomplete: str) -> list[str]:  # noqa: ARG001
    """Return hosts and groups of the inventory named on the same line; after a comma, one more."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in _starting(last, _places(_inventory_of(context)))]


def lab_hosts(context: typer.Context, words: list[str], incomplete: str) -> list[str]:  # noqa: ARG001
    """Return the hosts of a lab."""
    return _starting(incomplete, _places(_inventory_of(context) or _LAB, groups=False))


def _starting(incomplete: str, names: Iterator[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})


def _inventory_of(context: Any) -> str:
    """Return the inventory given so far, after the command's name or before it."""
    while context is not None:
        if given := context.params.get("inventory"):
            return str(given)
        context = context.parent
    return ""


def _places(inventory: str, groups: bool = True) -> Iterator[str]:
    """Yield names as they stand in the inventory's files: a shell does not wait for Ansible."""
    path = next(
        (place for place in (Path(inventory), _PROJECT / "inventories" / inventory) if inventory and place.exists()),
        None,
    )
    if path is None:
        return
    from installer.adapters.yaml_files import read_yaml
    from installer.errors import PlatformError

    for file in [path] if path.is_file() else sorted(path.glob("*.yml")):
        try:
            yield from _names(read_yaml(file).data, groups)
        except (OSError, PlatformError):
            continue


def _names(group: Any, groups: bool) -> Iterator[str]:
    if not isinstance(group, dict):
        return
    for name, entry in group.items():
        if name == "hosts" and isinstance(entry, dict):
            yield from map(str, entry)
        elif name == "children" and isinstance(entry, dict):
            yield from map(str, entry) if groups else ()
            yield from _names(entry, groups)
        elif name != "vars":
            yield from _names(entry, groups)
