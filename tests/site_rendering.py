"""A role's values as the example of a site renders them, with a lock made up from the catalogue."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from installer.adapters.catalog_files import load_catalog
from installer.model.artifact import Artifacts
from tests.playbooks import play
from tests.repository import PROJECT, role_folder

SITE = PROJECT / "inventories" / "onprem"


def made_up_lock(folder: Path, *images: str) -> Path:
    """Write a lock that has every chart, image and file of the catalogue, each with a digest of its own name.

    Args:
        images: names of further images, of the version v1.
    """
    catalog = load_catalog(PROJECT / "roles")
    items = [item for component in catalog for item in _items(component.description.artifacts)]
    items += [{"kind": "image", "name": name, "version": "v1", "digest": digest(name)} for name in images]
    path = folder / "bundle.lock.json"
    path.write_text(json.dumps({"items": items}))
    return path


def _items(artifacts: Artifacts) -> list[dict[str, Any]]:
    names = [
        *(("chart", entry.name, entry.version) for entry in artifacts.charts),
        *(("image", entry.name, entry.version) for entry in artifacts.images),
        *(("file", entry.name, entry.version) for entry in artifacts.files),
    ]
    return [{"kind": kind, "name": name, "version": version, "digest": digest(name)} for kind, name, version in names]


def digest(name: str) -> str:
    """Return the made-up digest of an artefact."""
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()


def rendered(role: str, wanted: Mapping[str, Any], folder: Path, **variables: Any) -> dict[str, Any]:
    """Return expressions over a role's variables, as the first host it runs on renders them.

    Args:
        wanted: what to render, by name.
        folder: where to work.
        variables: go before the inventory's.
    """
    copy = folder / "roles" / role
    shutil.copytree(role_folder(role), copy, ignore=shutil.ignore_patterns("tasks", "library", "tests"))
    target = folder / "rendered.json"
    task = {"name": "Render", "ansible.builtin.copy": {"content": dict(wanted), "dest": str(target), "mode": "0600"}}
    (copy / "tasks").mkdir()
    (copy / "tasks" / "main.yml").write_text(json.dumps([task]))
    group = load_catalog(PROJECT / "roles")[role].description.runs_on.partition(":")[0]
    playbook = {
        "name": role, "hosts": f"{group}[0]", "connection": "local", "gather_facts": False, "roles": [role],
        "vars": {"ansible_python_interpreter": sys.executable, "ansible_remote_tmp": str(folder / "tmp")},
    }  # fmt: skip
    lock = str(made_up_lock(folder))
    play(folder, playbook, SITE, "--extra-vars", json.dumps(variables), PLATFORM_LOCK=lock)
    found: dict[str, Any] = json.loads(target.read_text())
    return found
