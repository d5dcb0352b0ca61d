#!/usr/bin/python
"""Use a storage class as an application does: claim, write, lose the pod, read."""

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_probe
short_description: Claim a volume, write to it, lose the pod and read it back
description:
  - What it makes it takes away again, in a namespace of its own.
  - It is done again when it was some hours ago, or when the provisioner, the class or the nodes changed since; in
    between, that the provisioner is there is enough.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: The provisioner's namespace., type: str, required: true}
  drill_hours: {description: How long one holds good while nothing changes., type: int, required: true}
  storage_class: {description: The class to claim from., type: str, required: true}
  image: {description: An image with a shell., type: str, required: true}
  seconds: {description: How long each step may take., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Use a volume
  storage_probe:
    kubeconfig: /etc/platform/kubeconfig
    namespace: local-path-storage
    drill_hours: 24
    storage_class: local-path
    image: docker.io/library/busybox:1.37.0
    seconds: 60
"""

RETURN = r"""
platform_report:
  description: C(volume_practised) is when a volume was claimed, written and read back, and C(volume_seconds) how long
    that took.
  returned: success
  type: dict
"""

import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.drills import LastDrill, digest
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.moments import as_moment
from ansible_collections.platform.base.plugins.module_utils.probe import Cluster, pod, room


def shell(name: str, image: str, command: str) -> dict[str, Any]:
    """Return a pod that runs a shell command over the claimed volume."""
    container = {
        "image": image, "command": ["/bin/sh", "-ec", command],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }  # fmt: skip
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    return pod(name, container, volumes=volumes)


def claim(storage_class: str) -> dict[str, Any]:
    """Return a claim for a small volume."""
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": storage_class,
            "resources": {"requests": {"storage": "8Mi"}},
        },
    }  # fmt: skip


def tried(cluster: Kubectl, given: Mapping[str, Any]) -> str:
    """Return the digest of what using a volume tries, once its provisioner is there.

    Raises:
        KubectlFailed: it is not, or its class is not.
    """
    deployments = cluster.items("deployments.apps", f"--namespace={given['namespace']}")
    for deployment in deployments:
        cluster.await_rollout(f"deployment/{deployment['metadata']['name']}", given["namespace"], given["seconds"])
    storage_class = cluster.get("storageclasses", given["storage_class"])
    nodes = sorted(node["metadata"]["name"] for node in cluster.items("nodes"))
    return digest([*deployments, storage_class], *nodes, given["image"])


def used(module: AnsibleModule) -> float:
    """Use a volume, and return the seconds it took; what fails is the module's failure."""
    began, token = time.monotonic(), uuid.uuid4().hex
    cluster = Cluster(module, f"platform-verify-storage-{token[:8]}")
    image = module.params["image"]
    writer = shell("writer", image, f"echo {token} > /data/token")
    items = [*room(cluster.namespace, "probe"), claim(module.params["storage_class"]), writer]
    cluster.create({"apiVersion": "v1", "kind": "List", "items": items})
    cluster.await_end("writer")
    cluster.run("delete", "pod", "writer", "--wait=false", "--ignore-not-found")
    cluster.create(shell("reader", image, "cat /data/token"))
    cluster.await_end("reader")
    if cluster.run("get", "pod", "writer", "--ignore-not-found", "-o", "name"):
        cluster.fail("The pod that wrote is still there, so nothing is known of what outlives it.")
    if (read := cluster.run("logs", "reader").strip()) != token:
        cluster.fail(f"What was written is not what was read: {read!r}.")
    cluster.run("delete", "namespace", cluster.namespace, "--wait=false", "--ignore-not-found")
    return time.monotonic() - began


def practise(
    cluster: Kubectl, given: Mapping[str, Any], use: Callable[[], float], now: Callable[[], float] = time.time
) -> dict[str, str]:
    """Return what is told of the last use of a volume; one is used now unless that holds good.

    Raises:
        KubectlFailed: the cluster does not tell what there is.
    """
    of = partial(tried, cluster, given)
    last = LastDrill(cluster, given["namespace"]).or_now(of, given["drill_hours"], use, now)
    return {"volume_practised": as_moment(float(last["at"])), "volume_seconds": last["seconds"]}


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    number = {"type": "int", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True}, "namespace": text, "storage_class": text, "image": text,
            "drill_hours": number, "seconds": number,
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    try:
        report = practise(Kubectl(module.params["kubeconfig"]), module.params, partial(used, module))
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(changed=False, platform_report=report)


if __name__ == "__main__":
    main()
