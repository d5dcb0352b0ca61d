"""Volumes, claimed as an application does."""

from __future__ import annotations

import json

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=20s "


def test_claims_without_a_class_get_these_volumes(host: Host) -> None:
    classes = json.loads(host.check_output(KUBECTL + "get storageclasses -o json"))["items"]

    default = "storageclass.kubernetes.io/is-default-class"
    chosen = [c["metadata"]["name"] for c in classes if c["metadata"].get("annotations", {}).get(default) == "true"]

    assert chosen == ["local-path"]


def test_the_provisioner_is_ready(host: Host) -> None:
    path = "{.items[*].status.readyReplicas}"

    ready = host.check_output(KUBECTL + f"-n local-path-storage get deployments -o jsonpath='{path}'")

    assert ready == "1"


def test_a_claim_is_bound_when_a_pod_uses_it_and_not_before(host: Host) -> None:
    path = "{.items[?(@.metadata.name=='local-path')].volumeBindingMode}"

    mode = host.check_output(KUBECTL + "get storageclasses -o jsonpath=%s", path)

    assert mode == "WaitForFirstConsumer", "A volume is made on the node its pod runs on."
