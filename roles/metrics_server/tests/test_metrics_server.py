"""The use of nodes and pods, asked as an operator does."""

from __future__ import annotations

import json

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=10s "


def test_every_nodes_use_is_known(host: Host) -> None:
    nodes = host.check_output(KUBECTL + "get nodes -o name").splitlines()

    known = host.check_output(KUBECTL + "top nodes --no-headers").splitlines()

    assert len(known) == len(nodes)
    assert "<unknown>" not in " ".join(known)


def test_the_api_knows_the_server_by_its_certificate(host: Host) -> None:
    service = json.loads(host.check_output(KUBECTL + "get apiservice v1beta1.metrics.k8s.io -o json"))

    assert not service["spec"].get("insecureSkipTLSVerify", False)
    assert service["spec"]["caBundle"]


def test_the_server_knows_kubelets_by_theirs(host: Host) -> None:
    arguments = host.check_output(KUBECTL + "-n kube-system get deployment metrics-server -o json")

    assert "--kubelet-insecure-tls" not in arguments
    assert "--kubelet-certificate-authority=" in arguments
