#!/usr/bin/python
"""Back all workloads up for a set, or bring back those of one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: workloads_set
short_description: Back all workloads up for a set, or bring back those of one
description:
  - What is backed up is in the bucket. The set has a file that names it, and what it holds.
extends_documentation_fragment: [platform.base.backup]
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Velero's namespace., type: str, required: true}
  direction: {description: Into the set or out of it., type: str, choices: [into_set, out_of_set], required: true}
  excluded: {description: "Namespaces that are left out, as patterns.", type: list, elements: str, default: []}
  keep_hours: {description: Hours that the bucket keeps the backup., type: int, default: 720}
  seconds: {description: How long it may take., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Back all workloads up
  workloads_set:
    kubeconfig: /etc/platform/kubeconfig
    namespace: velero
    direction: into_set
    backup: "{{ platform_backup_access }}"
    excluded: [kube-*]
    seconds: 3600
"""

RETURN = r"""
as_of: {description: "The moment it shows, in UTC by ISO 8601.", returned: always, type: str}
backup: {description: What the backup is called., returned: always, type: str}
objects: {description: How many objects it holds., returned: always, type: int}
volumes: {description: How many volumes' bytes it holds., returned: always, type: int}
"""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.backup_set import ACCESS, ComponentFiles
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.sealed import SealBroken
from ansible_collections.platform.base.plugins.module_utils.velero import Velero

COMPONENT, NAME = "velero", "backup.sealed"


def take(velero: Velero, given: Mapping[str, Any]) -> dict[str, Any]:
    """Back all workloads up, and return what the set must know of it.

    Raises:
        KubectlFailed: it is not complete.
    """
    # Names in the cluster have no capitals.
    name = f"platform-set-{given['backup']['id'].lower()}"
    spec = {"includedNamespaces": ["*"], "excludedNamespaces": given["excluded"], "ttl": f"{given['keep_hours']}h0m0s"}
    status = velero.backup(name, spec, given["seconds"])
    return {
        "as_of": status["startTimestamp"].replace("Z", "+00:00"), "backup": name,
        "objects": status.get("progress", {}).get("itemsBackedUp", 0),
        "volumes": len(velero.items("podvolumebackups", f"velero.io/backup-name={name}")),
    }  # fmt: skip


def give_back(velero: Velero, told: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Bring workloads back; those that are there stay as they are.

    Raises:
        KubectlFailed: the bucket does not have the backup, or not all of it came back.
    """
    # Velero looks for backups in its buckets every minute.
    if not velero.knows(told["backup"], given["seconds"]):
        raise KubectlFailed(
            f"The bucket does not have the backup {told['backup']}, which the set names. Restore the object storage of "
            "the same set first."
        )
    velero.restore(f"{told['backup']}-{secrets.token_hex(2)}", told["backup"], {}, given["seconds"])


def carry_out(given: Mapping[str, Any], cluster: Kubectl) -> dict[str, Any]:
    """Fill the set, or bring back what is in it, and return what the set knows of it.

    Raises:
        KubectlFailed: it is not complete.
        SealBroken: the set's file is not what was written.
    """
    velero = Velero(cluster, given["namespace"])
    files = ComponentFiles(given["backup"], COMPONENT)
    if given["direction"] == "into_set":
        told = take(velero, given)
        with files.sealing(NAME) as sealer:
            sealer.write(json.dumps(told).encode())
        return told
    with files.unsealing(NAME) as stream:
        told = dict(json.loads(stream.read()))
    give_back(velero, told, given)
    return told


def main() -> None:
    """Run the module."""
    text, path = {"type": "str", "required": True}, {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": path, "namespace": text, "backup": ACCESS,
            "direction": {"type": "str", "choices": ["into_set", "out_of_set"], "required": True},
            "excluded": {"type": "list", "elements": "str", "default": []},
            "keep_hours": {"type": "int", "default": 720},
            "seconds": {"type": "int", "required": True},
        },
        supports_check_mode=False,
    )  # fmt: skip
    try:
        told = carry_out(module.params, Kubectl(module.params["kubeconfig"]))
    except (KubectlFailed, SealBroken) as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(changed=True, **told)


if __name__ == "__main__":
    main()
