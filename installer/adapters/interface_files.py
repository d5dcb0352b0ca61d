"""What an inventory may set, from `inventories/*.yml` and every role's argument specification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from installer.adapters.yaml_files import read_yaml
from installer.model.inventory import Interface, VariableSpec


def load_interface(project: Path) -> Interface:
    """Read the groups, the platform-wide variables and the roles' interfaces.

    Args:
        project: the project's root.
    """
    variables: dict[str, VariableSpec] = {}
    defaults: dict[str, Any] = {}
    for name, entry in (read_yaml(project / "inventories" / "variables.yml").data or {}).items():
        variables[name] = _spec(name, entry, required="default" not in entry, owner="")
        if "default" in entry:
            defaults[name] = entry["default"]
    for path in sorted(project.glob("roles/*/meta/argument_specs.yml")):
        role = path.parents[1].name
        specifications = read_yaml(path).data["argument_specs"]
        role_defaults = path.parents[1] / "defaults" / "main.yml"
        values = (read_yaml(role_defaults).data or {}) if role_defaults.exists() else {}
        defaults.update(values)
        for name, entry in specifications["main"].get("options", {}).items():
            # Ansible has no word for names of one's own: what stands behind each is a specification of its own.
            behind = {"entries": specifications.get(name, {}).get("options")}
            variables[name] = _spec(name, {**entry, **behind}, required=name not in values, owner=role)
    groups = read_yaml(project / "inventories" / "groups.yml").data
    return Interface(variables, defaults, groups)


def _spec(name: str, entry: Mapping[str, Any], required: bool, owner: str) -> VariableSpec:
    return VariableSpec(
        name=name,
        type=_meant(name, entry.get("type", "str")),
        description=" ".join(entry["description"].split()) if isinstance(entry["description"], str) else "",
        required=required,
        owner=owner,
        elements=entry.get("elements", ""),
        choices=tuple(entry.get("choices", ())),
        options=_options(entry.get("options"), owner),
        entries=_options(entry.get("entries"), owner),
    )


def _meant(name: str, known: str) -> str:
    """Return the type that is meant: a role's specification has Ansible's own alone, and no port."""
    return "port" if known == "int" and name.rpartition("_")[2] == "port" else known


def _options(entries: Mapping[str, Mapping[str, Any]] | None, owner: str) -> dict[str, VariableSpec]:
    return {
        name: _spec(name, entry, required=bool(entry.get("required", False)), owner=owner)
        for name, entry in (entries or {}).items()
    }
