"""kubectl with one access; an API that pauses while etcd chooses a leader is asked again."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# How often the API is asked when it cuts a connection, and the seconds between.
_TRIES, _PAUSE = 5, 2.0
_MISSING = 127
_CUT = ("connection refused", "connection reset", "i/o timeout", "EOF", "etcdserver", "http2:", "Unable to connect")


class KubectlFailed(Exception):
    """The cluster does not do what was asked."""


class Kubectl:
    """Asks one cluster.

    Args:
        kubeconfig: the access.
        pause: waits, in seconds.
    """

    def __init__(self, kubeconfig: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._command = ["kubectl", "--kubeconfig", kubeconfig, "--request-timeout=30s"]
        self._pause = pause

    def attempt(
        self, *arguments: str, document: Any = None, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl, and return how it ended; what the API cut off is run again.

        Args:
            arguments: what it is asked.
            document: what it reads, as JSON.
            text: what it reads as it is, where that is no document.
        """
        text = json.dumps(document) if document is not None else text
        command = [*self._command, *arguments]
        for left in range(_TRIES, 0, -1):
            try:
                done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
            except FileNotFoundError as error:
                # On a bare host there is no kubectl, as there is no cluster.
                return subprocess.CompletedProcess(command, _MISSING, "", str(error))
            if not done.returncode or left == 1 or not any(word in done.stderr for word in _CUT):
                return done
            self._pause(_PAUSE)
        raise AssertionError

    def run(self, *arguments: str, document: Any = None, text: str | None = None) -> str:
        """Run kubectl, and return what it said; what it reads is as `attempt` has it.

        Raises:
            KubectlFailed: it did not end well.
        """
        done = self.attempt(*arguments, document=document, text=text)
        if done.returncode:
            raise KubectlFailed(f"`kubectl {' '.join(arguments[:4])}` failed: {done.stderr.strip()[-400:]}")
        return done.stdout

    def create(self, document: Mapping[str, Any], namespace: str) -> None:
        """Create an object that must not be there.

        Raises:
            KubectlFailed: the cluster does not take it.
        """
        self.run("create", "--validate=false", "--filename=-", f"--namespace={namespace}", document=document)

    def apply(self, documents: Sequence[Mapping[str, Any]], namespace: str) -> None:
        """Have objects be there as they are given; those that name no namespace are in this one.

        Raises:
            KubectlFailed: the cluster does not take them.
        """
        arguments = ("apply", "--server-side", "--validate=false", "--filename=-", f"--namespace={namespace}")
        self.run(*arguments, document=listed(documents))

    def get(self, *arguments: str) -> Any:
        """Return what there is, as the API has it.

        Raises:
            KubectlFailed: it cannot be had.
        """
        return json.loads(self.run("get", *arguments, "--output=json"))

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the objects of a list; none where the cluster does not know their kind."""
        done = self.attempt("get", *arguments, "--output=json")
        if done.returncode and "doesn't have a resource type" in done.stderr:
            return []
        if done.returncode:
            raise KubectlFailed(f"`kubectl get {' '.join(arguments[:3])}` failed: {done.stderr.strip()[-400:]}")
        found: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return found

    def patch(self, kind: str, name: str, content: Mapping[str, Any]) -> None:
        """Merge content into an object without a namespace.

        Raises:
            KubectlFailed: the cluster does not take it.
        """
        self.run("patch", kind, name, "--type=merge", f"--patch={json.dumps(content)}")

    def await_rollout(self, workload: str, namespace: str, seconds: float) -> None:
        """Wait until all copies of a workload, C(KIND/NAME), are there as they are wanted.

        Raises:
            KubectlFailed: they are not in time.
        """
        self.run("rollout", "status", workload, f"--namespace={namespace}", f"--timeout={int(seconds)}s")

    def pause(self) -> None:
        """Wait for as long as between two questions."""
        self._pause(_PAUSE)

    def wait_for(self, holds: Callable[[], bool], seconds: float, every: float = _PAUSE) -> bool:
        """Return whether something comes to hold in time."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() >= end:
                return False
            self._pause(every)
        return True


def listed(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return objects as the one that kubectl reads from its input."""
    return {"apiVersion": "v1", "kind": "List", "items": list(documents)}


def balancer_addresses(service: Mapping[str, Any]) -> list[str]:
    """Return where a service answers from outside the cluster; none while it was given nothing."""
    given = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    return [str(entry["ip"]) for entry in given if entry.get("ip")]


def door_address(cluster: Kubectl, namespace: str) -> str:
    """Return where the site's door is, which a namespace's service has from outside the cluster.

    Raises:
        KubectlFailed: it has no address.
    """
    for service in cluster.items("services", f"--namespace={namespace}"):
        if addresses := balancer_addresses(service):
            return addresses[0]
    raise KubectlFailed(
        f"No service in {namespace} has an address. Are there addresses left in `platform_load_balancer_addresses`?"
    )


def requests(pod: Mapping[str, Any], prefix: str = "nvidia.com/") -> dict[str, int]:
    """Return how many devices a pod asks for, by resource."""
    found: dict[str, int] = {}
    spec = pod.get("spec", {})
    for container in [*spec.get("containers", []), *spec.get("initContainers", [])]:
        for name, amount in (container.get("resources", {}).get("limits") or {}).items():
            if name.startswith(prefix):
                found[name] = found.get(name, 0) + int(amount)
    return found


def is_over(pod: Mapping[str, Any]) -> bool:
    """Return whether a pod has ended and holds nothing."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def is_ready(item: Mapping[str, Any]) -> bool:
    """Return whether a pod or node says that it is ready."""
    conditions: Sequence[Mapping[str, Any]] = item.get("status", {}).get("conditions", [])
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)
