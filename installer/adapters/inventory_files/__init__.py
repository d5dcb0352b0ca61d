"""An inventory as Ansible sees it, with the lines its values were written on."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from installer.adapters.inventory_files.lines import Written, read_written
from installer.adapters.inventory_files.models import read_model_list
from installer.adapters.inventory_files.templates import read_templates
from installer.adapters.process import CommandFailed, run
from installer.errors import InvalidConfiguration, Problem
from installer.model.inventory import ALL, Host, Inventory, Level, Setting
from installer.model.models import LIST

_COMPUTED = ("platform_components", "platform_artifacts")
_INTERNAL = (ALL, "ungrouped")
_SEALED = re.compile(r"vault (secrets|password)|decrypt", re.IGNORECASE)
_UNPARSED = re.compile(r"failed to parse inventory source")


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
    written = read_written(path)
    try:
        exported = _export(path, project)
    except InvalidConfiguration as error:
        # A mistake found in a line says more than Ansible's refusal of the whole file.
        raise InvalidConfiguration(written.mistakes or error.problems) from error
    return put_together(path, written, exported)


def put_together(path: Path, written: Written, exported: Mapping[str, Any]) -> Inventory:
    """Return the inventory that files say and Ansible makes of them.

    Args:
        path: the folder or file given.
        written: what stands in the files.
        exported: what `ansible-inventory --list --export` answers.
    """
    everyone = exported.get(ALL, {}).get("vars", {})
    hosts = _hosts(exported)
    named = {setting.name for setting in written.settings}
    for host in hosts.values():
        named.update(host.variables)
    folder = path if path.is_dir() else path.parent
    models = read_model_list(folder / LIST)
    return Inventory(
        name=path.stem if path.is_file() else path.name,
        path=path,
        hosts=hosts,
        variables={key: value for key, value in everyone.items() if key not in _COMPUTED},
        explicit=frozenset(named),
        lines=_lines(written),
        mistakes=(*written.mistakes, *models.mistakes),
        settings=_in_order(written.settings, _groups_by_depth(exported)),
        groups=_groups(exported) | written.groups,
        sealed=written.sealed,
        installed={listing.stem: _packages(listing) for listing in sorted(folder.glob("packages/*.list"))},
        models=models.entries,
        templates=read_templates(written.settings),
    )


def _export(path: Path, project: Path) -> Mapping[str, Any]:
    program = Path(sys.executable).parent / "ansible-inventory"
    try:
        answer = run(
            [str(program), "--inventory", str(path), "--list", "--export"],
            directory=project,
            environment={
                "ANSIBLE_CONFIG": str(project / "ansible.cfg"),
                # What the lock says is not asked here, and a damaged one is told by who reads it.
                "PLATFORM_LOCK": os.devnull,
                "ANSIBLE_INVENTORY_UNPARSED_FAILED": "true",
                # A file of several that Ansible cannot read would cost its hosts, with a warning only.
                "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            },
        )
    except CommandFailed as error:
        raise InvalidConfiguration([_refusal(path, " ".join(error.details))]) from error
    document: Mapping[str, Any] = json.loads(answer)
    return document


def _refusal(path: Path, text: str) -> Problem:
    """Return why Ansible does not take an inventory, and the usual cure."""
    cure = ""
    if _SEALED.search(text):
        cure = "Name the file with the vault's password in ANSIBLE_VAULT_PASSWORD_FILE."
    elif _UNPARSED.search(text):
        cure = "Correct it, or move what names no hosts out of the inventory's folder."
    return Problem(str(path), f"Ansible cannot read it: {text[:600].rstrip('.')}.", cure)


def _hosts(exported: Mapping[str, Any]) -> dict[str, Host]:
    """Return every host with the variables that are its own, those of deeper groups going before."""
    members = {group: set(_members(exported, group)) for group in _groups_by_depth(exported)}
    hosts = {}
    for name in _host_names(exported):
        groups = [group for group in members if name in members[group]]
        own: dict[str, Any] = {}
        for group in groups:
            own.update(exported[group].get("vars", {}))
        own.update(exported["_meta"]["hostvars"].get(name, {}))
        hosts[name] = Host(name, frozenset(groups), own)
    return hosts


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


def _groups_by_depth(exported: Mapping[str, Any]) -> list[str]:
    """Return the groups as Ansible goes through them: the deeper goes before, then the later in the alphabet."""
    depths: dict[str, int] = {}
    waiting = [(ALL, 0)]
    while waiting:
        group, depth = waiting.pop()
        depths[group] = max(depth, depths.get(group, 0))
        waiting += [(child, depth + 1) for child in exported.get(group, {}).get("children", [])]
    groups = [group for group in exported if group not in ("_meta", *_INTERNAL)]
    return sorted(groups, key=lambda group: (depths.get(group, 0), group))


def _groups(exported: Mapping[str, Any]) -> dict[str, str]:
    """Return every group's name; where it stands is not known here."""
    named = {child for entry in exported.values() for child in entry.get("children", [])}
    return dict.fromkeys(sorted((named | set(exported)) - {"_meta", *_INTERNAL}), "")


def _in_order(settings: Sequence[Setting], groups: Sequence[str]) -> tuple[Setting, ...]:
    """Return settings so that of those for a host's groups the last counts, as for Ansible."""
    ranks = {group: rank for rank, group in enumerate(groups, 1)}
    return tuple(sorted(settings, key=lambda s: ranks.get(s.owner, 0) if s.level is Level.GROUP else 0))


def _lines(written: Written) -> dict[str, str]:
    """Return where each variable, host and group stands; for all hosts goes before for one."""
    lines: dict[str, str] = {}
    for setting in sorted(written.settings, key=lambda setting: setting.owner != ALL):
        lines.setdefault(setting.name, setting.where())
    return {**written.groups, **written.hosts, **lines}


def _packages(listing: Path) -> frozenset[str]:
    """Return the packages of a list, one a line, name and version."""
    return frozenset(line.split()[0] for line in listing.read_text().splitlines() if line.strip())
