#!/usr/bin/python
"""Use a storage class as an application does: claim, write, lose the pod, read."""

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_probe
short_description: Claim a volume, write to it, lose the pod and read it back
description:
  - What it makes it takes away again, in a namespace of its own.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  storage_class: {description: The class to claim from., type: str, required: true}
  image: {description: An image with a shell., type: str, required: true}
  seconds: {description: How long each step may take., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Use a volume
  storage_probe:
    kubeconfig: /etc/platform/kubeconfig
    storage_class: local-path
    image: docker.io/library/busybox:1.37.0
    seconds: 60
"""

RETURN = r"""
seconds: {description: How long it took., returned: always, type: float}
"""

import time
import uuid
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.probe import Cluster, pod, room


def shell(name: str, image: str, command: str) -> dict[str, Any]:
    """Return a pod that runs a shell command over the claimed volume."""
    container = {
        "image": image, "command": ["/bin/sh", "-ec", command],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }  # fmt: skip
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    return pod(name, container, volumes=volumes, restartPolicy="OnFailure")


def claim(storage_class: str) -> dict[str, Any]:
    """Return a claim for a small volume."""
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": storage_class,
            "resources": {"requests": {"storage": "8Mi"}},
        },
    }  # fmt: skip


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True}, "storage_class": text, "image": text,
            "seconds": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, seconds=0.0)
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
    module.exit_json(changed=False, seconds=round(time.monotonic() - began, 1))


if __name__ == "__main__":
    main()
