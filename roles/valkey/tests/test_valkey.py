"""Valkey, looked at from outside."""

from __future__ import annotations

import json

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=60s "
CLI = KUBECTL + "-n valkey exec deploy/valkey -- valkey-cli -p 6379 "
AUTHORITY = "--cacert /etc/valkey/authority/ca.crt "


def test_it_is_there_for_who_speaks_tls(host: Host) -> None:
    assert host.check_output(CLI + "--tls " + AUTHORITY + "ping") == "PONG"


def test_it_does_not_answer_without_tls(host: Host) -> None:
    assert "PONG" not in host.run(CLI + "ping").stdout


def test_nothing_is_read_without_a_password(host: Host) -> None:
    assert "NOPERM" in host.run(CLI + "--tls " + AUTHORITY + "get anything").stdout


def test_its_pod_has_no_rights(host: Host) -> None:
    pod = json.loads(host.check_output(KUBECTL + "-n valkey get deploy valkey -o json"))["spec"]["template"]["spec"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert [entry["securityContext"]["readOnlyRootFilesystem"] for entry in pod["containers"]] == [True]
