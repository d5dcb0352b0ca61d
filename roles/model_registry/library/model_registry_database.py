#!/usr/bin/python
"""Copy the database of the registry of models into a set of a backup, or put it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_registry_database
short_description: Copy the database of the registry of models into a set of a backup, or put it back
description:
  - C(backup) copies all that the database has at one moment, while it is in use. C(restore) replaces all of it or
    nothing; the registry is stopped meanwhile, and started again. C(note) says when it was copied, for who measures it.
  - Where the database is the site's, the set says so, and nothing is copied or put back.
extends_documentation_fragment: [platform.base.backup]
options:
  does: {description: What is done., type: str, choices: [backup, restore, note], required: true}
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: The registry's namespace., type: str, required: true}
  site_database: {description: "The host of the site's database, if it is the site's.", type: str, default: ""}
  as_of: {description: When it was copied., type: str, default: ""}
  backup: {required: false}
  seconds: {description: How long the registry may take to end., type: int, default: 300}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Copy the database
  model_registry_database:
    does: backup
    kubeconfig: /etc/platform/kubeconfig
    namespace: model-registry
    backup: "{{ platform_backup_access }}"
"""

RETURN = r"""
as_of: {description: "The moment it shows, in UTC by ISO 8601.", returned: always, type: str}
holds: {description: "What an operator shall know of it.", returned: always, type: dict}
"""

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils import database_set
from ansible_collections.platform.base.plugins.module_utils.backup_set import ACCESS, ComponentFiles
from ansible_collections.platform.base.plugins.module_utils.database_set import Database
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.postgres import DatabaseProblem
from ansible_collections.platform.base.plugins.module_utils.sealed import SealBroken

COMPONENT = "model_registry"
POD, DATABASE, OWNER = "database-0", "models", "models"
REGISTRY = "deployment/model-registry"
_LABELS = {"platform.internal/part-of": "model-registry"}


def tool(given: Mapping[str, Any]) -> list[str]:
    """Return what runs a program beside the database; a copy may take longer than any other request."""
    place = ["--kubeconfig", given["kubeconfig"], "--namespace", given["namespace"]]
    return ["kubectl", *place, "exec", "--stdin", POD, "--"]


def database(given: Mapping[str, Any], run: Sequence[str]) -> Database:
    """Return what there is to copy."""
    return Database(DATABASE, "model_registry_database", given["site_database"], run, OWNER)


def take(given: Mapping[str, Any], run: Sequence[str]) -> dict[str, Any]:
    """Copy the database into the set, as `database_set.take` has it."""
    return database_set.take(ComponentFiles(given["backup"], COMPONENT), database(given, run))


def give_back(given: Mapping[str, Any], cluster: Kubectl, run: Sequence[str]) -> dict[str, Any]:
    """Put the set's database in the place of the one that is there, as `database_set.give_back` has it."""
    files = ComponentFiles(given["backup"], COMPONENT)
    rest = functools.partial(at_rest, cluster, given["namespace"], given["seconds"])
    return database_set.give_back(files, database(given, run), rest)


def note(given: Mapping[str, Any], cluster: Kubectl) -> dict[str, Any]:
    """Say when the database was copied.

    Raises:
        KubectlFailed: the cluster does not take it.
    """
    done = {"as_of": given["as_of"], "holds": {}}
    if given["site_database"]:
        return {**done, "changed": False}
    metadata = {"name": "backup", "namespace": given["namespace"], "labels": _LABELS}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"taken": given["as_of"]}}
    cluster.run("apply", "--server-side", "--force-conflicts", "--filename=-", document=document)
    return {**done, "changed": True}


@contextlib.contextmanager
def at_rest(cluster: Kubectl, namespace: str, seconds: float) -> Iterator[None]:
    """Stop the registry, and start it again however it goes.

    Raises:
        KubectlFailed: it does not end in time.
    """
    place = f"--namespace={namespace}"
    try:
        cluster.run("scale", REGISTRY, "--replicas=0", place)
        if not cluster.wait_for(
            lambda: not cluster.items("pods", place, "--selector=app.kubernetes.io/name=model-registry"), seconds
        ):
            raise KubectlFailed(f"The registry of models did not end within {seconds} seconds.")
        yield
    finally:
        cluster.run("scale", REGISTRY, "--replicas=1", place)


def main() -> None:
    """Run the module."""
    text = {"type": "str", "default": ""}
    module = AnsibleModule(
        argument_spec={
            "does": {"type": "str", "choices": ["backup", "restore", "note"], "required": True},
            "kubeconfig": {"type": "path", "required": True},
            "namespace": {"type": "str", "required": True},
            "site_database": text,
            "as_of": text,
            "backup": {**ACCESS, "required": False},
            "seconds": {"type": "int", "default": 300},
        },
        required_if=[("does", "backup", ["backup"]), ("does", "restore", ["backup"]), ("does", "note", ["as_of"])],
        supports_check_mode=False,
    )
    given = module.params
    cluster, run = Kubectl(given["kubeconfig"]), tool(given)
    try:
        if given["does"] == "note":
            done = note(given, cluster)
        elif given["does"] == "backup":
            done = take(given, run)
        else:
            done = give_back(given, cluster, run)
    except (DatabaseProblem, KubectlFailed, SealBroken) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(**done)


if __name__ == "__main__":
    main()
