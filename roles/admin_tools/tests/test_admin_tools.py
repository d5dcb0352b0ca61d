"""The admin host's tools, run as an operator does."""

from __future__ import annotations

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]


def test_kubectl_runs(host: Host) -> None:
    assert '"gitVersion": "v1.' in host.check_output("kubectl version --client --output=json")


def test_helm_runs(host: Host) -> None:
    assert host.check_output("helm version --short").startswith("v3.")
