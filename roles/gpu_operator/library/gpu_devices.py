#!/usr/bin/python
"""Use GPUs: add two vectors on every node, and read what is measured of every GPU."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_devices
short_description: Use GPUs, and read what is measured of them
description:
  - The operator must be done with every node, and its validator with every step.
  - A pod on each node adds two vectors on a GPU and checks the sum. Where a node's every GPU is taken, the validator's
    own run stands for it, and the node is told in C(busy).
  - The exporter of each node must measure each of its GPUs.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: The operator's namespace., type: str, required: true}
  nodes: {description: "What each node offers, by node and resource.", type: dict, required: true}
  gpus: {description: How many GPUs each node has., type: dict, required: true}
  image: {description: The image that adds vectors., type: str, required: true}
  metric: {description: What is read of each GPU., type: str, required: true}
  priorities: {description: Priority classes; pods take the lowest., type: list, elements: str, default: []}
  seconds: {description: How long it may take., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Use them
  gpu_devices:
    kubeconfig: /etc/platform/kubeconfig
    namespace: gpu-operator
    nodes: {gpu1: {nvidia.com/gpu: 8}}
    gpus: {gpu1: 8}
    image: nvcr.io/nvidia/gpu-operator:v26.7.0
    metric: DCGM_FI_DEV_GPU_TEMP
    seconds: 600
"""

RETURN = r"""
busy: {description: The nodes on which no GPU was free., returned: always, type: list, elements: str}
"""

import re
from collections import Counter
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.gpu_pods import ask, await_quota, lowest, quota
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed, is_ready
from ansible_collections.platform.base.plugins.module_utils.probe import answer_from_a_room, has_failed, pod, room

_PASSED = "Test PASSED"
_VALIDATOR, _EXPORTER = "app=nvidia-operator-validator", "app=nvidia-dcgm-exporter"
_PORT = 9400


def adder(node: str, image: str, resource: str, priority: str) -> dict[str, Any]:
    """Return a pod that adds two vectors on one of a node's GPUs."""
    amount = {resource: "1", "cpu": "100m", "memory": "512Mi"}
    container = {"image": image, "command": ["vectorAdd"], "resources": {"limits": amount, "requests": amount}}
    chosen = {"priorityClassName": priority} if priority else {}
    return pod(node, container, nodeSelector={"kubernetes.io/hostname": node}, **chosen)


def await_operator(cluster: Kubectl, given: dict[str, Any]) -> None:
    """Wait until the operator and its validator are done with every node.

    Raises:
        KubectlFailed: they are not, in time.
    """
    state: list[str] = [""]

    def is_done() -> bool:
        policies = cluster.items("clusterpolicies.nvidia.com")
        state[0] = policies[0].get("status", {}).get("state", "unknown") if policies else "not there"
        pods = cluster.items("pods", "--namespace", given["namespace"], f"--selector={_VALIDATOR}")
        ready = {pod["spec"].get("nodeName") for pod in pods if is_ready(pod)}
        return state[0] == "ready" and set(given["nodes"]) <= ready

    if not cluster.wait_for(is_done, given["seconds"], 5.0):
        raise KubectlFailed(
            f"The operator's policy is {state[0]}, or its validator is not through on every node. Look at `kubectl -n"
            f" {given['namespace']} get pods`, and at the first container of the validator that did not end."
        )


def add(cluster: Kubectl, given: dict[str, Any], node: str, namespace: str) -> bool:
    """Add vectors on a node, and return whether a GPU was free for it.

    Raises:
        KubectlFailed: the sum is wrong, or was never reckoned.
    """
    resource = next(iter(given["nodes"][node]))
    priority, _ = lowest(cluster, given["priorities"])
    ask(cluster, adder(node, given["image"], resource, priority), namespace, given["seconds"])
    place, found = ("pod", node, "--namespace", namespace), {}

    def has_ended() -> bool:
        found.update(cluster.get(*place)["status"])
        return found.get("phase") == "Succeeded" or has_failed(found)

    if not cluster.wait_for(has_ended, given["seconds"]):
        waits = " ".join(entry.get("message", "") for entry in found.get("conditions", []))
        if "Insufficient" in waits:
            return False
        raise KubectlFailed(f"The pod that adds vectors on {node} is {found.get('phase')}: {waits}")
    said = cluster.run("logs", node, "--namespace", namespace)
    if found["phase"] != "Succeeded" or _PASSED not in said:
        raise KubectlFailed(f"Adding vectors on {node} failed: {said.strip()[-400:]} Look at `nvidia-smi -q` there.")
    return True


def measured(text: str, metric: str) -> int:
    """Return of how many GPUs an exporter tells a metric."""
    return len(set(re.findall(rf'^{metric}{{[^}}]*UUID="([^"]+)"', text, re.MULTILINE)))


def unmeasured(cluster: Kubectl, given: dict[str, Any]) -> list[str]:
    """Return the nodes whose every GPU is not measured, for a reader."""
    pods = cluster.items("pods", "--namespace", given["namespace"], f"--selector={_EXPORTER}")
    by_node = {pod["spec"].get("nodeName"): pod["metadata"]["name"] for pod in pods if is_ready(pod)}
    wrong = []
    for node, count in sorted(given["gpus"].items()):
        if node not in by_node:
            wrong.append(f"{node} has no exporter that is ready")
            continue
        path = f"/api/v1/namespaces/{given['namespace']}/pods/{by_node[node]}:{_PORT}/proxy/metrics"
        found = measured(cluster.attempt("get", "--raw", path).stdout, given["metric"])
        if found != int(count):
            wrong.append(f"{node} measures {found} of its {count} GPUs")
    return wrong


def use(cluster: Kubectl, given: dict[str, Any], namespace: str) -> list[str]:
    """Use every node's GPUs, and return the nodes that had none free.

    Raises:
        KubectlFailed: something is not as it should be.
    """
    await_operator(cluster, given)
    asked = Counter(next(iter(offered)) for offered in given["nodes"].values())
    cluster.apply([*room(namespace, "probe"), quota(asked)], namespace)
    await_quota(cluster, namespace, given["seconds"])
    busy = [node for node in sorted(given["nodes"]) if not add(cluster, given, node, namespace)]
    wrong: list[str] = []

    def all_measured() -> bool:
        wrong[:] = unmeasured(cluster, given)
        return not wrong

    if not cluster.wait_for(all_measured, min(120, given["seconds"]), 5.0):
        raise KubectlFailed(f"{'; '.join(wrong)}. Look at `kubectl -n {given['namespace']} logs -l {_EXPORTER}`.")
    return busy


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True}, "namespace": text, "image": text, "metric": text,
            "nodes": {"type": "dict", "required": True}, "gpus": {"type": "dict", "required": True},
            "priorities": {"type": "list", "elements": "str", "default": []},
            "seconds": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, busy=[])
    busy = answer_from_a_room(module, "gpu", use)
    module.exit_json(changed=False, busy=busy)


if __name__ == "__main__":
    main()
