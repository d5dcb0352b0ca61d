"""GPUs, as whoever schedules pods finds them."""

from __future__ import annotations

import json

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=20s "


def test_every_gpu_node_offers_a_device(host: Host) -> None:
    nodes = json.loads(host.check_output(KUBECTL + "get nodes -l node-role.kubernetes.io/gpu -o json"))["items"]

    offers = {
        node["metadata"]["name"]: [name for name in node["status"]["allocatable"] if name.startswith("nvidia.com/")]
        for node in nodes
    }

    assert offers
    assert all(offers.values()), offers


def test_the_operator_is_done(host: Host) -> None:
    state = host.check_output(KUBECTL + "get clusterpolicies.nvidia.com -o jsonpath='{.items[0].status.state}'")

    assert state == "ready"


def test_the_operator_changes_no_driver_by_itself(host: Host) -> None:
    path = "{.items[0].spec.driver.upgradePolicy.autoUpgrade}"

    assert host.check_output(KUBECTL + f"get clusterpolicies.nvidia.com -o jsonpath='{path}'") == "false"


def test_the_namespace_speaks_to_nobody_by_default(host: Host) -> None:
    policies = host.check_output(KUBECTL + "-n gpu-operator get ciliumnetworkpolicies -o name")

    assert "ciliumnetworkpolicy.cilium.io/default-deny" in policies.splitlines()
