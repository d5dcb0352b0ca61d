#!/usr/bin/python
"""Copy the registry's own database into a set of a backup, put it back, or have it know its password."""

from __future__ import annotations

DOCUMENTATION = r"""
module: harbor_database
short_description: Copy the registry's own database into a set of a backup, or put it back
description:
  - C(backup) copies all that the database has at one moment, while it is in use. C(restore) replaces all of it or
    nothing; what uses it is stopped meanwhile, and started again.
  - Where the database is the site's, the set says so, and nothing is copied or put back.
  - C(password) has it know the password that the Vault has, which another one than that it was made with may be.
extends_documentation_fragment: [platform.base.backup]
options:
  does: {description: What is done., type: str, choices: [backup, restore, password], required: true}
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: The registry's namespace., type: str, required: true}
  site_database: {description: "The host of the site's database, if it is the site's.", type: str, default: ""}
  password: {description: What the database shall know., type: str, default: ""}
  backup: {required: false}
  seconds: {description: How long what uses the database may take to end., type: int, default: 300}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Copy the database
  harbor_database:
    does: backup
    kubeconfig: /etc/platform/kubeconfig
    namespace: harbor
    backup: "{{ platform_backup_access }}"
"""

RETURN = r"""
as_of: {description: "The moment it shows, in UTC by ISO 8601.", returned: always, type: str}
holds: {description: "What an operator shall know of it.", returned: always, type: dict}
"""

import contextlib
import functools
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils import database_set
from ansible_collections.platform.base.plugins.module_utils.backup_set import ACCESS, ComponentFiles, this_moment
from ansible_collections.platform.base.plugins.module_utils.database_set import Database
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.postgres import DatabaseProblem, knows_password
from ansible_collections.platform.base.plugins.module_utils.postgres import set_password as put_password
from ansible_collections.platform.base.plugins.module_utils.sealed import SealBroken

COMPONENT = "harbor"
POD, CONTAINER, DATABASE = "harbor-database-0", "database", "registry"
# What writes to it, or keeps in memory what it read.
USERS = ("harbor-core", "harbor-exporter", "harbor-jobservice")
_KEPT = "platform.internal/replicas"


def tool(given: Mapping[str, Any]) -> list[str]:
    """Return what runs a program beside the database; a copy may take longer than any other request."""
    place = ["--kubeconfig", given["kubeconfig"], "--namespace", given["namespace"]]
    return ["kubectl", *place, "exec", "--stdin", POD, "--container", CONTAINER, "--"]


def database(given: Mapping[str, Any], run: Sequence[str]) -> Database:
    """Return what there is to copy."""
    return Database(DATABASE, "harbor_database", given["site_database"], run)


def take(given: Mapping[str, Any], run: Sequence[str]) -> dict[str, Any]:
    """Copy the database into the set, as `database_set.take` has it."""
    return database_set.take(ComponentFiles(given["backup"], COMPONENT), database(given, run))


def give_back(given: Mapping[str, Any], cluster: Kubectl, run: Sequence[str]) -> dict[str, Any]:
    """Put the set's database in the place of the one that is there, as `database_set.give_back` has it."""
    files = ComponentFiles(given["backup"], COMPONENT)
    rest = functools.partial(at_rest, cluster, given["namespace"], given["seconds"])
    return database_set.give_back(files, database(given, run), rest)


@contextlib.contextmanager
def at_rest(cluster: Kubectl, namespace: str, seconds: float) -> Iterator[None]:
    """Stop what uses the database, and start it again however it goes; a run after one that was killed does, too.

    Raises:
        KubectlFailed: something does not end in time.
    """
    place = f"--namespace={namespace}"

    def running() -> dict[str, dict[str, Any]]:
        found = cluster.items("deployments.apps", place)
        return {item["metadata"]["name"]: item for item in found if item["metadata"]["name"] in USERS}

    copies = {}
    for name, item in running().items():
        copies[name] = str(item["spec"]["replicas"] or item["metadata"].get("annotations", {}).get(_KEPT, 1))
        cluster.run("annotate", f"deployment/{name}", f"{_KEPT}={copies[name]}", "--overwrite", place)
    try:
        for name in copies:
            cluster.run("scale", f"deployment/{name}", "--replicas=0", place)
        if not cluster.wait_for(lambda: not any(e["status"].get("replicas") for e in running().values()), seconds):
            raise KubectlFailed(f"What uses the database did not end within {seconds} seconds: {', '.join(copies)}.")
        yield
    finally:
        for name, count in copies.items():
            cluster.run("scale", f"deployment/{name}", f"--replicas={count}", place)


def settle_password(given: Mapping[str, Any], run: Sequence[str], check_mode: bool) -> dict[str, Any]:
    """Have the database know a password, if there is one to tell.

    Raises:
        DatabaseProblem: it does not take it.
    """
    done = {"as_of": this_moment(), "holds": {}}
    probe = subprocess.run([*run, "psql", "--version"], capture_output=True, check=False)
    # Before the first release there is none, and it is made with the right one.
    if given["site_database"] or probe.returncode or knows_password(run, given["password"]):
        return {**done, "changed": False}
    if not check_mode:
        put_password(run, given["password"])
    return {**done, "changed": True}


def main() -> None:
    """Run the module."""
    text = {"type": "str", "default": ""}
    module = AnsibleModule(
        argument_spec={
            "does": {"type": "str", "choices": ["backup", "restore", "password"], "required": True},
            "kubeconfig": {"type": "path", "required": True},
            "namespace": {"type": "str", "required": True},
            "site_database": text,
            "password": {**text, "no_log": True},
            "backup": {**ACCESS, "required": False},
            "seconds": {"type": "int", "default": 300},
        },
        required_if=[("does", "backup", ["backup"]), ("does", "restore", ["backup"])],
        supports_check_mode=True,
    )
    given = module.params
    run = tool(given)
    try:
        if given["does"] == "password":
            done = settle_password(given, run, module.check_mode)
        elif given["does"] == "backup":
            done = take(given, run)
        else:
            done = give_back(given, Kubectl(given["kubeconfig"]), run)
    except (DatabaseProblem, KubectlFailed, SealBroken) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(**done)


if __name__ == "__main__":
    main()
