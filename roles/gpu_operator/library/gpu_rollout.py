#!/usr/bin/python
"""Let the GPU operator change the drivers it runs in containers, host after host, and no longer than that takes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_rollout
short_description: Let the GPU operator change the drivers it runs in containers
description:
  - The operator replaces a driver's container only when told to. Where one is of another version than the operator
    wants, this switches its upgrades on, waits until every host is done, and switches them off again.
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: The operator's namespace., type: str, required: true}
  allowed: {description: Whether drivers may be changed now., type: bool, required: true}
  window: {description: "When they may, for the message.", type: raw, required: true}
  seconds: {description: How long all hosts may take together., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Change them
  gpu_rollout: {kubeconfig: /etc/platform/kubeconfig, namespace: gpu-operator, allowed: true, window: {}, seconds: 7200}
"""

RETURN = r"""
nodes: {description: The nodes whose driver was changed., returned: always, type: list, elements: str}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed

_DRIVER = "--selector=app=nvidia-driver-daemonset"
_STATE = "nvidia.com/gpu-driver-upgrade-state"


def outdated(cluster: Kubectl, namespace: str) -> list[str]:
    """Return the nodes whose driver's container is not of the version the operator wants."""
    place = ("--namespace", namespace, _DRIVER)
    current: dict[str, tuple[int, str]] = {}
    for revision in cluster.items("controllerrevisions", *place):
        owner = revision["metadata"]["ownerReferences"][0]["name"]
        if revision["revision"] > current.get(owner, (0, ""))[0]:
            current[owner] = (revision["revision"], revision["metadata"]["labels"]["controller-revision-hash"])
    wanted = {digest for _, digest in current.values()}
    pods = cluster.items("pods", *place)
    return sorted(
        pod["spec"]["nodeName"]
        for pod in pods
        if "nodeName" in pod["spec"] and pod["metadata"]["labels"]["controller-revision-hash"] not in wanted
    )


def failed(cluster: Kubectl) -> list[str]:
    """Return the nodes on which the operator gave up."""
    return [node["metadata"]["name"] for node in cluster.items("nodes", f"--selector={_STATE}=upgrade-failed")]


def switch(cluster: Kubectl, on: bool) -> None:
    """Let the operator change drivers, or not."""
    policy = {"spec": {"driver": {"upgradePolicy": {"autoUpgrade": on}}}}
    cluster.patch("clusterpolicies.nvidia.com", "cluster-policy", policy)


def roll_out(cluster: Kubectl, given: dict[str, Any]) -> None:
    """Change the drivers.

    Raises:
        KubectlFailed: the operator gives up on a node, or takes too long.
    """
    switch(cluster, True)
    try:
        done = cluster.wait_for(
            lambda: bool(failed(cluster)) or not outdated(cluster, given["namespace"]), given["seconds"], 10.0
        )
    finally:
        switch(cluster, False)
    if broken := failed(cluster):
        raise KubectlFailed(
            f"The operator could not change the driver of {', '.join(broken)}. Look at `kubectl -n {given['namespace']}"
            f" logs deploy/gpu-operator`, then take the label {_STATE} off the node and run again."
        )
    if not done:
        left = ", ".join(outdated(cluster, given["namespace"]))
        raise KubectlFailed(f"After {given['seconds']} s these have their old driver still: {left}. Run again.")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "namespace": {"type": "str", "required": True},
            "allowed": {"type": "bool", "required": True},
            "window": {"type": "raw", "required": True},
            "seconds": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    given, cluster = module.params, Kubectl(module.params["kubeconfig"])
    if module.check_mode and cluster.attempt("get", "--raw", "/readyz").returncode:
        module.exit_json(changed=False, nodes=[])
    try:
        nodes = outdated(cluster, given["namespace"])
        if nodes and not given["allowed"]:
            raise KubectlFailed(
                f"{', '.join(nodes)} run another driver than the operator wants. Drivers are changed within"
                f" gpu_operator_upgrade_window alone, which is {given['window']}. Run again then."
            )
        if nodes and not module.check_mode:
            roll_out(cluster, given)
    except KubectlFailed as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(changed=bool(nodes), nodes=nodes)


if __name__ == "__main__":
    main()
