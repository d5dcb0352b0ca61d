"""The issuers of the site, asked as an operator does."""

from __future__ import annotations

import json

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=10s "


def test_every_issuer_is_ready(host: Host) -> None:
    issuers = json.loads(host.check_output(KUBECTL + "get clusterissuers -o json"))["items"]

    ready = {
        issuer["metadata"]["name"]: [c["status"] for c in issuer["status"]["conditions"] if c["type"] == "Ready"]
        for issuer in issuers
    }

    assert ready == {"platform-authority": ["True"], "platform-ingress": ["True"], "platform-services": ["True"]}


def test_cert_manager_may_sign_and_nothing_else(host: Host) -> None:
    account = "--as=system:serviceaccount:cert-manager:vault-issuer"

    assert host.run(f"{KUBECTL} auth can-i get secrets {account}").stdout.strip() == "no"


def test_only_root_reads_the_key_that_stands_in(host: Host) -> None:
    key = host.file("/etc/platform/cert-manager/authority.key")

    assert (key.user, key.mode) == ("root", 0o600)
