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

import json
import subprocess
import time
import uuid
from typing import Any

from ansible.module_utils.basic import AnsibleModule

_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "fsGroup": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
# Its program has ended well, which is known a second before its pod is said to have succeeded.
_DONE = "{.status.containerStatuses[0].state.terminated.exitCode}=0"
# Seconds after which a pod that has not succeeded is asked whether it failed.
_LOOK_SECONDS = 5
# How often the API is asked when it cuts a connection, and the seconds between.
_TRIES, _PAUSE = 5, 2.0


class Cluster:
    """kubectl, with the module's failures."""

    def __init__(self, module: AnsibleModule, namespace: str) -> None:
        self._module = module
        self.namespace = namespace

    def run(self, *arguments: str) -> str:
        """Run kubectl in the probe's namespace; its failure is the module's, unless the API only paused."""
        for _ in range(_TRIES):
            done = self.attempt(*arguments)
            if not done.returncode:
                return done.stdout
            time.sleep(_PAUSE)
        self.fail(f"`kubectl {' '.join(arguments[:3])}` failed: {done.stderr.strip()}")
        return ""

    def attempt(self, *arguments: str, stdin: Any = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl in the probe's namespace, and return how it ended."""
        command = ["kubectl", "--kubeconfig", self._module.params["kubeconfig"], "--request-timeout=20s"]
        command += ["-n", self.namespace, *arguments]
        document = json.dumps(stdin) if stdin is not None else None
        return subprocess.run(command, input=document, capture_output=True, text=True, check=False)

    def create(self, document: dict[str, Any]) -> None:
        """Create objects, all of them; an API that pauses is asked again, which may find that it did it before."""
        end = time.monotonic() + self._module.params["seconds"]
        arguments = ("apply", "--server-side", "--validate=false", "-f", "-")
        while (done := self.attempt(*arguments, stdin=document)).returncode:
            if time.monotonic() >= end:
                self.fail(f"The cluster does not take what the probe needs: {done.stderr.strip()}")
            time.sleep(1)

    def fail(self, message: str) -> None:
        """Fail with what the cluster says of the probe."""
        columns = "custom-columns=KIND:.involvedObject.kind,REASON:.reason,MESSAGE:.message"
        events = self.attempt("get", "events", "--sort-by=.lastTimestamp", "-o", columns, "--no-headers").stdout
        self.attempt("delete", "namespace", self.namespace, "--wait=false")
        self._module.fail_json(msg=message, evidence=events.splitlines()[-15:])

    def await_end(self, pod: str) -> None:
        """Wait until a pod has done its work; the API tells, since asking all the time costs more than the work."""
        end, phase = time.monotonic() + self._module.params["seconds"], ""
        succeeded = ("wait", f"pod/{pod}", f"--for=jsonpath={_DONE}", f"--timeout={_LOOK_SECONDS}s")
        while time.monotonic() < end:
            if not self.attempt(*succeeded).returncode:
                return
            phase = self.attempt("get", "pod", pod, "-o", "jsonpath={.status.phase}").stdout
            if phase == "Failed":
                self.fail(f"The pod {pod} failed: {self.attempt('logs', pod).stdout.strip()}")
        self.fail(f"The pod {pod} did not end within {self._module.params['seconds']} s; it is {phase or 'not there'}.")


def pod(name: str, image: str, command: str) -> dict[str, Any]:
    """Return a pod that runs a shell command over the claimed volume."""
    container = {
        "name": "main", "image": image, "command": ["/bin/sh", "-ec", command], "securityContext": _CONTAINER_SECURITY,
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
    }  # fmt: skip
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never", "serviceAccountName": "probe", "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
            "securityContext": _SECURITY, "containers": [container],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    }  # fmt: skip


def room(name: str) -> list[dict[str, Any]]:
    """Return the probe's namespace, with an account: no pod need wait until a controller makes the usual one."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "probe"}},
    ]


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
    writer = pod("writer", image, f"echo {token} > /data/token")
    items = [*room(cluster.namespace), claim(module.params["storage_class"]), writer]
    cluster.create({"apiVersion": "v1", "kind": "List", "items": items})
    cluster.await_end("writer")
    cluster.run("delete", "pod", "writer", "--wait=false", "--ignore-not-found")
    cluster.create(pod("reader", image, "cat /data/token"))
    cluster.await_end("reader")
    if cluster.run("get", "pod", "writer", "--ignore-not-found", "-o", "name"):
        cluster.fail("The pod that wrote is still there, so nothing is known of what outlives it.")
    if (read := cluster.run("logs", "reader").strip()) != token:
        cluster.fail(f"What was written is not what was read: {read!r}.")
    cluster.run("delete", "namespace", cluster.namespace, "--wait=false", "--ignore-not-found")
    module.exit_json(changed=False, seconds=round(time.monotonic() - began, 1))


if __name__ == "__main__":
    main()
