"""GPUs that are none: devices written into a node's status, which is all that the scheduler knows of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.platform.base.plugins.module_utils import gpu_pods
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl
from ansible_collections.platform.base.plugins.module_utils.probe import room

from roles.gpu_operator.library import gpu_probe
from tests.repository import PROJECT, read
from tests.system.site import LabSite

NODE, RESOURCE, COUNT = "cp3", "nvidia.com/gpu", 2
_ROOM = "gpu-trial"
_WAITS = ["/bin/sh", "-c", "sleep 600"]


def image() -> str:
    """Return an image of the lab's bundle that can wait."""
    lock = json.loads((PROJECT / "inventories/lab/bundle.lock.json").read_text())
    found = next(item for item in lock["items"] if item["name"] == "docker.io/library/busybox")
    return f"{found['name']}:{found['version']}@{found['digest']}"


def priorities() -> list[dict[str, Any]]:
    """Return the priority classes that the role makes."""
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": entry["name"]},
            "value": entry["value"],
            "preemptionPolicy": "PreemptLowerPriority" if entry["preempts"] else "Never",
        }
        for entry in read(PROJECT / "roles/gpu_operator/defaults/main.yml")["gpu_operator_priorities"]
    ]


def offer(cluster: Kubectl, count: int) -> None:
    """Have a node offer devices."""
    offered = {"capacity": {RESOURCE: str(count)}, "allocatable": {RESOURCE: str(count)}}
    cluster.run("patch", "node", NODE, "--subresource=status", "--type=merge", "-p", json.dumps({"status": offered}))


@contextmanager
def devices(site: LabSite) -> Iterator[Kubectl]:
    """Yield a cluster with devices and priorities, both of which go afterwards."""
    cluster = Kubectl(str(site.state / "kubeconfig"))
    try:
        cluster.apply([*priorities(), *room(_ROOM, "probe"), gpu_pods.quota({RESOURCE: 2 * COUNT})], _ROOM)
        offer(cluster, COUNT)
        yield cluster
    finally:
        cluster.attempt("delete", "namespace", _ROOM)
        cluster.attempt("delete", "priorityclass", *(entry["metadata"]["name"] for entry in priorities()))
        gone = [{"op": "remove", "path": f"/status/{part}/nvidia.com~1gpu"} for part in ("capacity", "allocatable")]
        for change in gone:
            cluster.attempt("patch", "node", NODE, "--subresource=status", "--type=json", "-p", json.dumps([change]))


def probe(cluster: Kubectl) -> bool:
    """Ask for GPUs as verification does, and return whether all were taken."""
    given = {
        "nodes": {NODE: {RESOURCE: COUNT}}, "image": image(), "command": _WAITS, "seconds": 120,
        "priorities": [entry["metadata"]["name"] for entry in priorities()],
    }  # fmt: skip
    namespace = "platform-verify-gpu-trial"
    try:
        return gpu_probe.probe(cluster, given, namespace)
    finally:
        cluster.attempt("delete", "namespace", namespace)


def start(cluster: Kubectl, name: str, priority: str) -> None:
    """Start a pod with one device."""
    given = {"image": image(), "command": _WAITS}
    gpu_pods.ask(cluster, gpu_probe.waiter(name, given, RESOURCE, priority), _ROOM, 60)


def running(cluster: Kubectl) -> set[str]:
    """Return the pods that have a device."""
    pods = cluster.items("pods", "--namespace", _ROOM)
    return {pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") == "Running"}
