"""Policies, met as somebody who makes a pod does."""

from __future__ import annotations

import json

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=20s "


def test_what_nobody_answers_for_is_refused(host: Host) -> None:
    name = "gatekeeper-validating-webhook-configuration"

    webhooks = json.loads(host.check_output(KUBECTL + f"get validatingwebhookconfiguration {name} -o json"))["webhooks"]

    assert {webhook["failurePolicy"] for webhook in webhooks} == {"Fail"}
