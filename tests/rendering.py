"""What roles would apply to a cluster, rendered with an inventory's real values and without a host."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.platform.base.plugins.filter import manifests

from tests.playbooks import play
from tests.repository import PROJECT, read, role_folder, tasks_in

RELEASE = "platform.base.helm_release"
SERVED = "served_models"
# What a task would have read from a host, for templates that want it.
ANSWER = {"content": "cGxhY2Vob2xkZXI=", "stdout": "placeholder", "digest": "placeholder"}
IMAGE = re.compile(r"(?<![\w./-])((?:[\w-]+\.)+[a-z]+(?::\d+)?/[\w./-]+):([\w][\w.-]*)(?:@sha256:[0-9a-f]{64})?")


def runs_in(role: str, inventory: str) -> bool:
    """Return whether an inventory has a host for a role, and does not leave it out."""
    files = sorted((PROJECT / "inventories" / inventory / "group_vars" / "all").glob("*.yml"))
    if any(role in ((read(path) or {}).get("platform_without") or {}) for path in files):
        return False
    group = read(PROJECT / "roles" / role / "component.yml")["runs_on"].partition(":")[0].partition("[")[0]
    groups = read(PROJECT / "inventories" / inventory / "hosts.yml")["all"]["children"]
    return group == "all" or bool((groups.get(group) or {}).get("hosts"))


def releases(role: str) -> list[dict[str, Any]]:
    """Return the variables of each chart that a role releases."""
    return included(role, RELEASE)


def included(role: str, shared: str) -> list[dict[str, Any]]:
    """Return the variables that a role gives to a shared one, each time it includes it."""
    files = sorted((role_folder(role) / "tasks").rglob("*.yml"))
    tasks = [task for path in files for task in tasks_in(read(path))]
    return [task["vars"] for task in tasks if (task.get("ansible.builtin.include_role") or {}).get("name") == shared]


def serving(role: str) -> dict[str, Any]:
    """Return the variables by which a role has models served, and those of who serves them; none where it has none."""
    given = included(role, f"platform.base.{SERVED}")
    return {**read(role_folder(SERVED) / "vars" / "main.yml"), **given[0]} if given else {}


def charts(role: str) -> list[dict[str, Any]]:
    """Return the charts that a role releases; of one that is all definitions it applies what that holds."""
    declared = read(PROJECT / "roles" / role / "component.yml").get("artifacts", {}).get("charts", [])
    return [chart for chart in declared if not chart.get("build", {}).get("definitions")]


def prints(role: str) -> str:
    """Return the program whose manifests stand in for a role's chart where nothing comes from upstream."""
    return next((chart["printed_by"] for chart in charts(role) if "printed_by" in chart), "")


def printout(program: Path, printed: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Return what a role would apply of what a program prints.

    Args:
        printed: the role's own command, whose program is another one here, and what it puts over the objects.
        folder: where to work.
    """
    # It is not asked, but the program wants to know a cluster.
    cluster = {"name": "none", "cluster": {"server": "https://192.0.2.1"}}
    context = {"name": "none", "context": {"cluster": "none", "user": "none"}}
    access = {
        "kind": "Config",
        "apiVersion": "v1",
        "clusters": [cluster],
        "contexts": [context],
        "current-context": "none",
    }
    (folder / "kubeconfig").write_text(json.dumps(access))
    command = [str(program), *printed["command"][1:]]
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "KUBECONFIG": str(folder / "kubeconfig")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    objects = manifests.printed(done.stdout, without=["CustomResourceDefinition", "Namespace"])
    return manifests.overlaid(objects, printed["overlays"])


def workloads(role: str) -> list[str]:
    """Return the templates by which a role would have images pulled; an engine's are of who serves its models."""
    if serving(role):
        return [str(path) for path in sorted((role_folder(SERVED) / "templates").glob("*.yml.j2"))]
    paths = sorted((role_folder(role) / "templates").glob("*.yml.j2"))
    return [path.name for path in paths if re.search(r"\bimage:", path.read_text())]


def render(role: str, inventory: str, folder: Path) -> dict[str, Any]:
    """Return a role's rendered `workloads`, by template, its `releases`, and what is `printed`, for an inventory.

    Args:
        inventory: a name below `inventories/` that has a lock.
        folder: where to work.
    """
    target = folder / "rendered.json"
    hosts = read(PROJECT / "roles" / role / "component.yml")["runs_on"].partition(":")[0]
    playbook = {
        "name": role,
        "hosts": f"{hosts}[0]",
        "connection": "local",
        "gather_facts": False,
        "roles": [role],
        "vars": {"ansible_python_interpreter": sys.executable, "ansible_remote_tmp": str(folder / "tmp")},
    }
    write_role(role, target, folder / "roles")
    play(folder, playbook, PROJECT / "inventories" / inventory)
    rendered: dict[str, Any] = json.loads(target.read_text())
    return rendered


def write_role(role: str, target: Path, roles: Path) -> None:
    """Write a copy of a role whose one task is to write what it would apply into a file."""
    wanted = {
        "workloads": {name: f"{{{{ lookup('ansible.builtin.template', '{name}') }}}}" for name in workloads(role)},
        "releases": releases(role),
        "printed": {"command": f"{{{{ __{role}_print }}}}", "overlays": f"{{{{ __{role}_overlays }}}}"},
    }
    if not prints(role):
        del wanted["printed"]
    copy = {"content": wanted, "dest": str(target), "mode": "0600"}
    task = {"name": "Render", "ansible.builtin.copy": copy, "vars": {**answers(role), **serving(role)}}
    shutil.copytree(role_folder(role), roles / role, ignore=shutil.ignore_patterns("tasks", "library", "tests"))
    (roles / role / "tasks").mkdir()
    (roles / role / "tasks" / "main.yml").write_text(json.dumps([task]))


def answers(role: str) -> dict[str, Any]:
    """Return a stand-in for everything that a role's tasks register."""
    files = sorted((role_folder(role) / "tasks").rglob("*.yml"))
    names = [task["register"] for path in files for task in tasks_in(read(path)) if "register" in task]
    return {name: {**ANSWER, "results": [ANSWER] * 8} for name in names}


def images_in(text: str) -> Iterator[str]:
    """Yield `name:tag` of every image a rendered text names, wherever it stands: field, argument, config map."""
    for match in IMAGE.finditer(text):
        yield f"{match[1]}:{match[2]}"
