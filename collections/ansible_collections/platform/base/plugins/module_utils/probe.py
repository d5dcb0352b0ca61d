"""What modules that use a cluster as an application does have in common: a namespace of their own, and pods in it."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed

_POD_SECURITY = {
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
# Control planes run pods too, where there is nothing else.
_TOLERATIONS = [{"operator": "Exists", "effect": "NoSchedule"}]
_RESOURCES = {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}}
# Its program has ended well, which is known a second before its pod is said to have succeeded.
_DONE = "{.status.containerStatuses[0].state.terminated.exitCode}=0"
# Seconds after which a pod that has not succeeded is asked whether it failed.
_LOOK_SECONDS = 5
# What the runtime says of a program that a busy host did not get to start; kubelet tries that again.
_NOT_STARTED = "StartError"
# How often the API is asked when it cuts a connection, and the seconds between.
_TRIES, _PAUSE = 5, 2.0


class Cluster:
    """kubectl in a probe's namespace, with the module's failures."""

    def __init__(self, module: AnsibleModule, namespace: str) -> None:
        self._module = module
        self._kubectl = Kubectl(module.params["kubeconfig"])
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
        return self._kubectl.attempt(f"--namespace={self.namespace}", *arguments, document=stdin)

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
            status = json.loads(self.attempt("get", "pod", pod, "-o", "jsonpath={.status}").stdout or "{}")
            phase = status.get("phase", "")
            if has_failed(status):
                # Of the container that ended, be it begun again since or not.
                said = self.attempt("logs", pod, "--previous").stdout or self.attempt("logs", pod).stdout
                self.fail(f"The pod {pod} failed: {said.strip()}")
        self.fail(f"The pod {pod} did not end within {self._module.params['seconds']} s; it is {phase or 'not there'}.")


def has_failed(status: Mapping[str, Any]) -> bool:
    """Return whether a pod's program ran, and ended badly."""
    ends = [
        state["terminated"]
        for container in status.get("containerStatuses", [])
        for state in (container.get("state", {}), container.get("lastState", {}))
        if "terminated" in state
    ]
    # A pod that failed as a whole is not begun again, whatever the reason.
    return status.get("phase") == "Failed" or any(end["exitCode"] and end.get("reason") != _NOT_STARTED for end in ends)


def room(name: str, *accounts: str) -> list[dict[str, Any]]:
    """Return the probe's namespace, with accounts: no pod need wait until a controller makes the usual one."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
        *({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}} for account in accounts),
    ]


def pod(name: str, container: Mapping[str, Any], account: str = "probe", **spec: Any) -> dict[str, Any]:
    """Return a pod that runs one program to its end, as the platform's policies want it.

    Args:
        container: the program; only what differs between probes: its image, arguments, mounts, resources.
        spec: what else the pod has, such as `volumes`.
    """
    main = {"name": "main", "securityContext": _CONTAINER_SECURITY, "resources": _RESOURCES, **container}
    # What ends by itself need not tell when it is ready.
    common = {
        "restartPolicy": "OnFailure", "serviceAccountName": account, "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0, "tolerations": _TOLERATIONS, "securityContext": _POD_SECURITY,
    }  # fmt: skip
    metadata = {"name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**common, **spec, "containers": [main]}}


def answer_from_a_room(module: AnsibleModule, what: str, use: Callable[[Kubectl, dict[str, Any], str], Any]) -> Any:
    """Return what using the cluster told, in a namespace that goes afterwards; what failed is the module's failure.

    Args:
        what: names the namespace, for whoever meets it.
        use: takes the cluster, the module's parameters and the namespace's name.
    """
    cluster, namespace = Kubectl(module.params["kubeconfig"]), f"platform-verify-{what}-{uuid.uuid4().hex[:8]}"
    try:
        return use(cluster, module.params, namespace)
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    finally:
        cluster.attempt("delete", "namespace", namespace, "--wait=false", "--ignore-not-found")
