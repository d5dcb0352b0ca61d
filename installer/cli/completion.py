"""What the shell offers when an operator presses Tab: names of inventories, components and hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from installer.model.models import LIST

_PROJECT = Path(__file__).resolve().parents[2]
_LAB = "lab"
_LICENCES = ("Apache-2.0", "BSD-3-Clause", "CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-SA-4.0", "LicenseRef-", "MIT")


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


def models(context: typer.Context, words: list[str], incomplete: str) -> list[str]:  # noqa: ARG001
    """Return the models that the list of the inventory on the same line names."""
    from installer.adapters.inventory_files.models import read_model_list
    from installer.errors import PlatformError

    path = _place(_inventory_of(context))
    if path is None:
        return []
    try:
        entries = read_model_list((path if path.is_dir() else path.parent) / LIST).entries
    except (OSError, PlatformError):
        return []
    return _starting(incomplete, (entry.name for entry in entries))


def licences(context: typer.Context, words: list[str], incomplete: str) -> list[str]:  # noqa: ARG001
    """Return licences that models often have; there are hundreds more."""
    return _starting(incomplete, iter(_LICENCES))


def _starting(incomplete: str, names: Iterator[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})


def _inventory_of(context: Any) -> str:
    """Return the inventory given so far, after the command's name or before it."""
    while context is not None:
        if given := context.params.get("inventory"):
            return str(given)
        context = context.parent
    return ""


def _place(inventory: str) -> Path | None:
    """Return an inventory's folder or file, or None."""
    candidates = (Path(inventory), _PROJECT / "inventories" / inventory) if inventory else ()
    return next((place for place in candidates if place.exists()), None)


def _places(inventory: str, groups: bool = True) -> Iterator[str]:
    """Yield names as they stand in the inventory's files: a shell does not wait for Ansible."""
    path = _place(inventory)
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
