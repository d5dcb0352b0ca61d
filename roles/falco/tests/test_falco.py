"""Falco, as whoever answers its alerts finds it."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=20s "


def test_every_node_is_watched(host: Host) -> None:
    nodes = host.check_output(KUBECTL + "get nodes -o name").split()
    status = json.loads(host.check_output(KUBECTL + "-n falco get daemonset falco -o json"))["status"]

    assert status["numberReady"] == len(nodes) > 0


def test_nothing_is_fetched(host: Host) -> None:
    pod = json.loads(host.check_output(KUBECTL + "-n falco get daemonset falco -o json"))["spec"]["template"]["spec"]

    assert [container["name"] for container in pod["containers"]] == ["falco"]
    assert not pod.get("initContainers")


@pytest.mark.parametrize("name", ["falco-tls", "falcosidekick-tls"])
def test_what_speaks_has_a_certificate(host: Host, name: str) -> None:
    path = "{.status.conditions[?(@.type=='Ready')].status}"

    assert host.check_output(KUBECTL + f'-n falco get certificate {name} -o jsonpath="{path}"') == "True"


def test_the_namespace_speaks_to_nobody_by_default(host: Host) -> None:
    policies = host.check_output(KUBECTL + "-n falco get ciliumnetworkpolicies -o name")

    assert "ciliumnetworkpolicy.cilium.io/default-deny" in policies.splitlines()
