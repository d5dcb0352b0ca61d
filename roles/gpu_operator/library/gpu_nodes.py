#!/usr/bin/python
"""Choose how nodes offer their GPUs, have GPU pods leave them, and give them back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_nodes
short_description: Choose how nodes offer their GPUs, have GPU pods leave them, and give them back
description:
  - C(labelled) sets labels. A layout of MIG changes on nodes alone that no pod has a GPU of.
  - C(drained) lets no new pod in, waits for jobs, takes what serves the GPUs off the node, and asks every pod that has
    one to leave. Disruption budgets are kept. What was done is written on the node, so that C(returned) gives back
    those nodes alone that C(drained) took, also after a run that was broken off.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  nodes: {description: The nodes., type: list, elements: str, required: true}
  state: {description: What they shall be., type: str, required: true, choices: [labelled, drained, returned, absent]}
  labels: {description: Labels by node., type: dict, default: {}}
  wait_seconds: {description: How long jobs may take to end., type: int, default: 0}
  seconds: {description: "How long pods may take to leave, or nodes to be ready.", type: int, default: 600}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Have everything with a GPU leave a node
  gpu_nodes: {kubeconfig: /etc/platform/kubeconfig, nodes: [gpu1], state: drained}
"""

RETURN = r"""
changes: {description: What was done to nodes., returned: always, type: list, elements: str}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.kubectl import (
    Kubectl,
    KubectlFailed,
    is_over,
    is_ready,
    requests,
)

# Written on a node while its driver is changed; and what has the operator take its own pods off.
MARK, OPERANDS = "platform.internal/gpu-driver-change", "nvidia.com/gpu.deploy.operands"
# What of the operator holds GPUs.
SERVING = (
    "gpu-feature-discovery", "nvidia-dcgm", "nvidia-dcgm-exporter", "nvidia-device-plugin-daemonset",
    "nvidia-device-plugin-mps-control-daemon", "nvidia-mig-manager", "nvidia-operator-validator",
)  # fmt: skip
MIG, SHARING = "nvidia.com/mig.config", "nvidia.com/device-plugin.config"


def gpu_pods(cluster: Kubectl, node: str) -> list[dict[str, Any]]:
    """Return the pods of a node that hold a GPU."""
    pods = cluster.items("pods", "--all-namespaces", f"--field-selector=spec.nodeName={node}")
    return [pod for pod in pods if requests(pod) and not is_over(pod)]


def named(pods: list[dict[str, Any]]) -> str:
    """Return pods for a reader."""
    return ", ".join(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in pods)


def is_job(pod: dict[str, Any]) -> bool:
    """Return whether a pod ends by itself."""
    return any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences", []))


def labelled(cluster: Kubectl, node: str, wanted: dict[str, str], wet: bool) -> list[str]:
    """Set labels, and return which.

    Raises:
        KubectlFailed: the layout of its GPUs would change under pods that use them.
    """
    has = cluster.get("node", node)["metadata"].get("labels", {})
    lacking = {name: value for name, value in wanted.items() if has.get(name) != value}
    # A node without the label has its GPUs undivided.
    divides = MIG in lacking and (MIG in has or lacking[MIG] != "all-disabled")
    if divides and (pods := gpu_pods(cluster, node)):
        raise KubectlFailed(
            f"The layout of {node}'s GPUs cannot change while pods use them: {named(pods)}. Drain it, and run again."
        )
    if lacking and wet:
        cluster.patch("node", node, {"metadata": {"labels": lacking}})
    return [f"{node}: {name}={value}" for name, value in sorted(lacking.items())]


def evict(cluster: Kubectl, pod: dict[str, Any]) -> None:
    """Ask a pod to leave; a disruption budget may refuse for now."""
    place, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    review = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": place}}
    cluster.attempt("create", "--raw", f"/api/v1/namespaces/{place}/pods/{name}/eviction", "-f", "-", document=review)


def drained(cluster: Kubectl, node: str, wait_seconds: int, seconds: int) -> list[str]:
    """Take a node's GPUs out of use.

    Raises:
        KubectlFailed: something does not leave in time; the node stays closed, and the next run goes on.
    """
    found = cluster.get("node", node)
    if MARK not in found["metadata"].get("annotations", {}) and not found["spec"].get("unschedulable"):
        # A node that an operator closed stays closed afterwards.
        cluster.patch("node", node, {"metadata": {"annotations": {MARK: "closed"}}})
    cluster.patch("node", node, {"spec": {"unschedulable": True}})
    cluster.wait_for(lambda: not any(is_job(pod) for pod in gpu_pods(cluster, node)), wait_seconds)

    # Before anybody is asked to leave: while the node offers GPUs, what tolerates everything would be back at once.
    cluster.patch("node", node, {"metadata": {"labels": {OPERANDS: "false"}}})
    place = ("pods", "--all-namespaces", f"--field-selector=spec.nodeName={node}")
    if not cluster.wait_for(lambda: not cluster.items(*place, f"--selector=app in ({','.join(SERVING)})"), seconds):
        raise KubectlFailed(f"The operator leaves its pods on {node}. Look at `kubectl -n gpu-operator get pods`.")

    def has_left() -> bool:
        left = gpu_pods(cluster, node)
        for pod in left:
            evict(cluster, pod)
        return not left

    if not cluster.wait_for(has_left, seconds, 5.0):
        raise KubectlFailed(
            f"Pods with GPUs do not leave {node}: {named(gpu_pods(cluster, node))}. Look at their disruption budgets;"
            " the node stays closed to new ones, and the next run goes on."
        )
    return [f"{node}: drained"]


def returned(cluster: Kubectl, node: str, seconds: int, wet: bool) -> list[str]:
    """Give a node back, if it was taken.

    Raises:
        KubectlFailed: it is not ready in time.
    """
    found = cluster.get("node", node)
    marked = MARK in found["metadata"].get("annotations", {})
    stopped = found["metadata"].get("labels", {}).get(OPERANDS) == "false"
    if not (marked or stopped):
        return []
    if wet:
        cluster.patch("node", node, {"metadata": {"labels": {OPERANDS: None}}})
        if not cluster.wait_for(lambda: is_ready(cluster.get("node", node)), seconds):
            raise KubectlFailed(f"{node} is not ready {seconds} s after its driver was changed.")
        if marked:
            cluster.patch("node", node, {"spec": {"unschedulable": False}, "metadata": {"annotations": {MARK: None}}})
    return [f"{node}: returned"]


def absent(cluster: Kubectl, node: str, wet: bool) -> list[str]:
    """Take every label off a node that the operator or the platform set for its GPUs; one that is gone has none."""
    there = {item["metadata"]["name"]: item["metadata"].get("labels", {}) for item in cluster.items("nodes")}
    has = there.get(node, {})
    going = [name for name in has if name.startswith("nvidia.com/")]
    if going and wet:
        cluster.patch("nodes", node, {"metadata": {"labels": dict.fromkeys(going)}})
    return [f"{node}: {len(going)} labels gone"] if going else []


def act(cluster: Kubectl, given: dict[str, Any], node: str, wet: bool) -> list[str]:
    """Bring one node into the state that was asked for."""
    if given["state"] == "labelled":
        return labelled(cluster, node, given["labels"].get(node, {}), wet)
    if given["state"] == "drained":
        return drained(cluster, node, given["wait_seconds"], given["seconds"]) if wet else [f"{node}: drained"]
    if given["state"] == "returned":
        return returned(cluster, node, given["seconds"], wet)
    return absent(cluster, node, wet)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "nodes": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "required": True, "choices": ["labelled", "drained", "returned", "absent"]},
            "labels": {"type": "dict", "default": {}},
            "wait_seconds": {"type": "int", "default": 0},
            "seconds": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    given, cluster = module.params, Kubectl(module.params["kubeconfig"])
    # Where there is no cluster yet, or no longer, there is nothing to give back and everything to do.
    if cluster.attempt("get", "--raw", "/readyz").returncode and (module.check_mode or given["state"] == "absent"):
        module.exit_json(changed=module.check_mode and given["state"] == "labelled", changes=[])
    try:
        changes = [done for node in given["nodes"] for done in act(cluster, given, node, not module.check_mode)]
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
