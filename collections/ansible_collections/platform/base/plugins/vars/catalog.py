"""Give every play the catalogue, the bundle's lock and the defaults of platform-wide variables."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import yaml
from ansible.inventory.group import Group
from ansible.plugins.vars import BaseVarsPlugin
from ansible.template import trust_as_template

DOCUMENTATION = """
name: catalog
short_description: The catalogue of components, the bundle's lock and platform-wide defaults
description:
  - Sets C(platform_components) from C(roles/*/component.yml), one entry a role.
  - Sets C(platform_artifacts) from the inventory's C(bundle.lock.json), by kind and name.
  - Sets each variable of C(inventories/variables.yml) to its default, below every inventory.
  - Sets what a component's C(endpoint) and C(offers) are made of to its role's default, so that every play knows where
    it answers, and what others have to reckon with.
options:
  lock:
    description: The lock to read instead of the inventory's.
    type: path
    env: [{name: PLATFORM_LOCK}]
"""

_PROJECT = Path(__file__).resolve().parents[6]
_BLOBS = "oci/blobs/sha256"
_cache: dict[str, dict[str, Any]] = {}


class VarsModule(BaseVarsPlugin):  # type: ignore[misc] # Ansible tells no types
    """Sets the same variables for every host, at the lowest place."""

    def get_vars(self, loader: Any, path: str, entities: Any) -> dict[str, Any]:
        """Return the platform's facts for the group `all` of an inventory."""
        super().get_vars(loader, path, entities)
        entities = entities if isinstance(entities, list) else [entities]
        if not any(isinstance(entity, Group) and entity.name == "all" for entity in entities):
            return {}
        if path not in _cache:
            _cache[path] = _facts(Path(path))
        return _cache[path]


def _facts(folder: Path) -> dict[str, Any]:
    if not (folder / "group_vars").is_dir():
        # Ansible asks for the playbook's folder too; the inventory's answer is the only one.
        return {}
    facts = {
        name: spec["default"]
        for name, spec in _read(_PROJECT / "inventories/variables.yml").items()
        if "default" in spec
    }
    descriptions = {path.parent: _read(path) for path in sorted((_PROJECT / "roles").glob("*/component.yml"))}
    for role, description in descriptions.items():
        facts.update(_told_of(role, {**description.get("endpoint", {}), **description.get("offers", {})}))
    facts["platform_components"] = {role.name: _component(entry) for role, entry in descriptions.items()}
    lock = Path(os.environ.get("PLATFORM_LOCK") or folder / "bundle.lock.json")
    facts["platform_artifacts"] = _artifacts(json.loads(lock.read_text()) if lock.is_file() else {"items": []})
    trusted: dict[str, Any] = _trust(facts)
    return trusted


def _told_of(role: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Return the defaults of the variables that what is told of a component is made of."""
    named = set(re.findall(r"\w+", " ".join(map(str, told.values()))))
    defaults = (_read(role / "defaults/main.yml") or {}) if told else {}
    return {name: value for name, value in defaults.items() if name in named}


def _component(description: dict[str, Any]) -> dict[str, Any]:
    kept = (
        "summary",
        "layer",
        "needs",
        "follows",
        "verify_needs",
        "runs_on",
        "preflight_on",
        "namespace",
        "endpoint",
        "offers",
        "exemptions",
        "metrics",
    )
    artifacts = description.get("artifacts", {})
    return {
        **{key: description[key] for key in kept if key in description},
        "packages": artifacts.get("packages", {}),
        "package_sets": artifacts.get("package_sets", {}),
        "package_versions": artifacts.get("package_versions", {}),
        "wheels": artifacts.get("wheels", []),
        "leaves": description.get("leaves", {}),
        "images": [
            {"name": image["name"], "version": image["version"], "hosts": image.get("hosts", "nodes")}
            for image in artifacts.get("images", [])
        ],
    }


def _artifacts(lock: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"images": {}, "charts": {}, "files": {}, "wheels": {}}
    for item in lock["items"]:
        hexadecimal = item["digest"].removeprefix("sha256:")
        entry = {"version": item["version"], "digest": item["digest"], "path": f"{_BLOBS}/{hexadecimal}"}
        if item["kind"] == "wheel":
            found["wheels"].setdefault(item["scope"], []).append(
                {**entry, "name": item["name"], "file": item["origin"]["file"], "needed_by": item["needed_by"]}
            )
        elif f"{item['kind']}s" in found:
            named = found[f"{item['kind']}s"]
            # A bundle may carry a model in several versions; whoever names none means the newest.
            if item["name"] not in named or _age(item["version"]) >= _age(named[item["name"]]["version"]):
                named[item["name"]] = entry
    return found


def _age(version: str) -> tuple[Any, ...]:
    """Return what orders semantic versions; a trial comes before what it leads to, and other versions before all."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)(?:-([\w.-]+))?", version)
    if found is None:
        return ()
    trial = [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in (found[4] or "").split(".")]
    return (*map(int, found.group(1, 2, 3)), found[4] is None, trial)


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _trust(value: Any) -> Any:
    """Let templates in values be filled in: they come from the repository, like a role's."""
    if isinstance(value, dict):
        return {key: _trust(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_trust(entry) for entry in value]
    return trust_as_template(value) if isinstance(value, str) else value
