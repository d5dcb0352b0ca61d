"""Workloads' access to the Vault, seen from the admin host."""

from __future__ import annotations

import json

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=10s "


def test_the_reviewer_may_ask_whose_a_token_is_and_nothing_else(host: Host) -> None:
    reviewer = "--as=system:serviceaccount:platform-secrets:reviewer"

    assert host.check_output(f"{KUBECTL} auth can-i create tokenreviews.authentication.k8s.io {reviewer}") == "yes"
    assert host.run(f"{KUBECTL} auth can-i get secrets {reviewer}").stdout.strip() == "no"


def test_no_pod_has_the_reviewers_token(host: Host) -> None:
    account = json.loads(host.check_output(f"{KUBECTL} -n platform-secrets get serviceaccount reviewer -o json"))

    assert account["automountServiceAccountToken"] is False
    assert host.check_output(f"{KUBECTL} -n platform-secrets get pods -o name") == ""
