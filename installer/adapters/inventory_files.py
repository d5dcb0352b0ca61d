"""An inventory as Ansible sees it, with the lines its values were written on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from installer.adapters.process import CommandFailed, run
from installer.adapters.yaml_files import YamlFile, read_yaml
from installer.errors import InvalidConfiguration, PlatformError, Problem
from installer.model.inventory import ALL, Host, Inventory

_COMPUTED = ("platform_components", "platform_artifacts")
_INTERNAL = (ALL, "ungrouped")


def locate_inventory(given: str, project: Path) -> Path:
    """Return the inventory's folder or file from its name or path.

    Raises:
        InvalidConfiguration: there is none.
    """
    for candidate in (Path(given), project / "inventories" / given):
        if candidate.exists():
            return candidate.resolve()
    names = sorted(path.name for path in (project / "inventories").iterdir() if path.is_dir())
    cure = f"Give a path, or one of: {', '.join(names)}."
    raise InvalidConfiguration([Problem(given, "is no inventory.", cure)], "the command line")


def load_inventory(path: Path, project: Path) -> Inventory:
    """Read an inventory.

    Raises:
        InvalidConfiguration: a file is not YAML, or Ansible cannot read the inventory.
    """
    documents = list(_documents(path))
    lines, explicit, mistakes = _locations(documents)
    exported = _export(path, project)
    everyone = dict(exported.get(ALL, {}).get("vars", {}))
    groups = {name: entry for name, entry in exported.items() if name not in ("_meta", *_INTERNAL)}
    hosts = {}
    for name in _host_names(exported):
        member_of = frozenset(group for group in groups if name in _members(exported, group))
        own: dict[str, Any] = {}
        for group in sorted(member_of):
            own.update(groups[group].get("vars", {}))
        own.update(exported["_meta"]["hostvars"].get(name, {}))
        hosts[name] = Host(name, member_of, own)
    return Inventory(
        name=path.stem if path.is_file() else path.name,
        path=path,
        hosts=hosts,
        variables={key: value for key, value in everyone.items() if key not in _COMPUTED},
        explicit=explicit,
        lines=lines,
        mistakes=tuple(mistakes),
    )


def _export(path: Path, project: Path) -> Mapping[str, Any]:
    program = Path(sys.executable).parent / "ansible-inventory"
    try:
        answer = run(
            [str(program), "--inventory", str(path), "--list", "--export"],
            directory=project,
            environment={"ANSIBLE_CONFIG": str(project / "ansible.cfg"), "ANSIBLE_INVENTORY_UNPARSED_FAILED": "true"},
        )
    except CommandFailed as error:
        text = " ".join(error.details)[:600]
        raise InvalidConfiguration([Problem(str(path), f"Ansible cannot read it: {text}.")]) from error
    document: Mapping[str, Any] = json.loads(answer)
    return document


def _host_names(exported: Mapping[str, Any]) -> Iterator[str]:
    """Yield every host once, in the order the groups name them."""
    seen = set()
    for group in [*exported.get(ALL, {}).get("children", []), ALL]:
        for name in _members(exported, group):
            if name not in seen:
                seen.add(name)
                yield name


def _members(exported: Mapping[str, Any], group: str) -> list[str]:
    entry = exported.get(group, {})
    members = list(entry.get("hosts", []))
    for child in entry.get("children", []):
        members.extend(_members(exported, child))
    return members


def _documents(path: Path) -> Iterator[YamlFile]:
    files = [path] if path.is_file() else sorted(path.rglob("*.yml")) + sorted(path.rglob("*.yaml"))
    problems: list[Problem] = []
    for file in files:
        try:
            yield read_yaml(file)
        except PlatformError as error:
            problems.extend(getattr(error, "problems", ()))
    if problems:
        raise InvalidConfiguration(problems)


def _locations(documents: list[YamlFile]) -> tuple[dict[str, str], frozenset[str], list[Problem]]:
    """Return where things stand, which variables are set, and keys written twice."""
    lines: dict[str, str] = {}
    explicit: set[str] = set()
    mistakes = []
    for document in documents:
        for location, line in document.duplicates:
            where = f"{document.path}:{line}"
            mistakes.append(Problem(where, f"{location[-1]} is written twice.", "Keep one of the two."))
        is_variables = any(part in ("group_vars", "host_vars") for part in document.path.parts)
        for location in document.lines:
            for name in _names(location, is_variables):
                lines.setdefault(name, document.where(location))
                if is_variables or "vars" in location or "hosts" in location[:-1]:
                    explicit.add(name)
    return lines, frozenset(explicit), mistakes


def _names(location: tuple[str | int, ...], is_variables: bool) -> Iterator[str]:
    """Yield the name a line gives to a variable, a host or a group."""
    last = location[-1]
    if not isinstance(last, str):
        return
    if is_variables:
        if len(location) == 1:
            yield last
    elif len(location) == 1 or location[-2] in ("children", "hosts", "vars") or (len(location) >= 3 and location[-3] == "hosts"):
        yield last
