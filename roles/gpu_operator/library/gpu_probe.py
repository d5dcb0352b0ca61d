#!/usr/bin/python
"""Ask for GPUs as a user does, as far as the scheduler goes: have one, be refused beyond a quota, have a priority."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_probe
short_description: Ask for GPUs as a user does, as far as the scheduler goes
description:
  - Every node must offer what the inventory says. A pod that asks for one GPU must be admitted with its priority,
    scheduled and started; the next one, beyond its namespace's quota, must be refused.
  - Where every GPU is taken, the pod that waits proves nothing wrong, and is told in C(busy).
  - No driver is asked, so this holds wherever nodes advertise devices.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  nodes: {description: "What each node offers, by node and resource.", type: dict, required: true}
  image: {description: An image that waits., type: str, required: true}
  command: {description: What it waits by; its own program when empty., type: list, elements: str, default: []}
  priorities: {description: Priority classes that must be there., type: list, elements: str, default: []}
  seconds: {description: How long it may take., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Ask
  gpu_probe:
    kubeconfig: /etc/platform/kubeconfig
    nodes: {gpu1: {nvidia.com/gpu: 8}}
    image: registry.k8s.io/pause:3.10.2
    seconds: 300
"""

RETURN = r"""
busy: {description: Whether every GPU was taken., returned: always, type: bool}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.gpu_pods import ask, await_quota, lowest, quota
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed, is_over, requests
from ansible_collections.platform.base.plugins.module_utils.probe import answer_from_a_room, pod, room

_LOOK = "Look at `kubectl -n gpu-operator get pods` and at the device plugin's log."


def not_offered(cluster: Kubectl, wanted: dict[str, dict[str, int]]) -> list[str]:
    """Return what nodes do not offer as they should, for a reader."""
    wrong = []
    for node, resources in sorted(wanted.items()):
        offers = cluster.get("node", node)["status"].get("allocatable", {})
        for name, count in sorted(resources.items()):
            if str(offers.get(name, 0)) != str(count):
                wrong.append(f"{node} offers {offers.get(name, 0)} of {name}, the inventory says {count}")
    return wrong


def free(cluster: Kubectl, wanted: dict[str, dict[str, int]], resource: str) -> int:
    """Return how many of a resource no pod has asked for."""
    offered = sum(resources.get(resource, 0) for resources in wanted.values())
    pods = [pod for pod in cluster.items("pods", "--all-namespaces") if pod["spec"].get("nodeName") in wanted]
    return offered - sum(requests(pod).get(resource, 0) for pod in pods if not is_over(pod))


def waiter(name: str, given: dict[str, Any], resource: str, priority: str) -> dict[str, Any]:
    """Return a pod that asks for one of a resource, and waits."""
    amount = {resource: "1", "cpu": "10m", "memory": "16Mi"}
    container = {
        "image": given["image"], "command": given["command"], "resources": {"limits": amount, "requests": amount},
    }  # fmt: skip
    return pod(name, container, **({"priorityClassName": priority} if priority else {}))


def has_no_place(status: dict[str, Any]) -> bool:
    """Return whether the scheduler looked for a node for a pod, and found none."""
    found = {entry["type"]: entry.get("reason") for entry in status.get("conditions", ())}
    return found.get("PodScheduled") == "Unschedulable"


def have_one(cluster: Kubectl, namespace: str, given: dict[str, Any], resource: str) -> bool:
    """Have a pod with a GPU run, and return whether it was so; not where every GPU is taken.

    Raises:
        KubectlFailed: it does not run, although there is a GPU for it; or it has not the priority it named.
    """
    priority, value = lowest(cluster, given["priorities"])
    ask(cluster, waiter("first", given, resource, priority), namespace, given["seconds"])
    found = cluster.get("pod", "first", "--namespace", namespace)["spec"].get("priority", 0)
    if found != value:
        raise KubectlFailed(f"A pod of the priority class {priority} has the priority {found}, not {value}.")

    def status() -> dict[str, Any]:
        return dict(cluster.get("pod", "first", "--namespace", namespace)["status"])

    def runs() -> bool:
        return bool(status().get("phase") == "Running")

    def is_decided() -> bool:
        found = status()
        if found.get("phase") == "Running":
            return True
        return has_no_place(found) and free(cluster, given["nodes"], resource) <= 0

    if cluster.wait_for(is_decided, min(60, given["seconds"])):
        return runs()
    if free(cluster, given["nodes"], resource) <= 0:
        return False
    if cluster.wait_for(runs, given["seconds"]):
        return True
    events = cluster.run(
        "get", "events", "--namespace", namespace, "-o", "custom-columns=R:.reason,M:.message", "--no-headers"
    )
    raise KubectlFailed(f"A pod that asks for one {resource} does not run: {events.strip()[-400:]} {_LOOK}")


def be_refused(cluster: Kubectl, namespace: str, given: dict[str, Any], resource: str) -> None:
    """Ask for more than the quota allows.

    Raises:
        KubectlFailed: it is not refused, or for another reason.
    """
    try:
        cluster.create(waiter("second", given, resource, lowest(cluster, given["priorities"])[0]), namespace)
    except KubectlFailed as refusal:
        if "exceeded quota" not in str(refusal):
            raise KubectlFailed(f"A pod beyond its quota was refused for another reason: {refusal}") from None
        return
    raise KubectlFailed(f"A pod beyond its namespace's quota of {resource} was admitted.")


def probe(cluster: Kubectl, given: dict[str, Any], namespace: str) -> bool:
    """Ask for GPUs, and return whether all of them were taken.

    Raises:
        KubectlFailed: something is not as it should be.
    """
    wrong: list[str] = []

    def offered() -> bool:
        wrong[:] = not_offered(cluster, given["nodes"])
        return not wrong

    if not cluster.wait_for(offered, given["seconds"]):
        raise KubectlFailed(f"{'; '.join(wrong)}. {_LOOK}")
    resource = next(iter(next(iter(given["nodes"].values()))))
    cluster.apply([*room(namespace, "probe"), quota({resource: 1})], namespace)
    await_quota(cluster, namespace, given["seconds"])
    runs = have_one(cluster, namespace, given, resource)
    be_refused(cluster, namespace, given, resource)
    return not runs


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "nodes": {"type": "dict", "required": True},
            "image": {"type": "str", "required": True},
            "command": {"type": "list", "elements": "str", "default": []},
            "priorities": {"type": "list", "elements": "str", "default": []},
            "seconds": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, busy=False)
    busy = answer_from_a_room(module, "gpu", probe)
    module.exit_json(changed=False, busy=busy)


if __name__ == "__main__":
    main()
