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
        options = read_yaml(path).data["argument_specs"]["main"].get("options", {})
        role_defaults = path.parents[1] / "defaults" / "main.yml"
        values = (read_yaml(role_defaults).data or {}) if role_defaults.exists() else {}
        defaults.update(values)
        variables.update({n: _spec(n, entry, required=n not in values, owner=role) for n, entry in options.items()})
    groups = read_yaml(project / "inventories" / "groups.yml").data
    return Interface(variables, defaults, groups)


def _spec(name: str, entry: Mapping[str, Any], required: bool, owner: str) -> VariableSpec:
    return VariableSpec(
        name=name,
        type=entry.get("type", "str"),
        description=" ".join(entry["description"].split()) if isinstance(entry["description"], str) else "",
        required=required,
        owner=owner,
        elements=entry.get("elements", ""),
        choices=tuple(entry.get("choices", ())),
        options={key: _option(key, below, owner) for key, below in (entry.get("options") or {}).items()},
    )


def _option(name: str, entry: Mapping[str, Any], owner: str) -> VariableSpec:
    return _spec(name, entry, required=bool(entry.get("required", False)), owner=owner)
