"""Models, looked at from outside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=60s "


@pytest.fixture
def models(host: Host) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(host.check_output(KUBECTL + "-n llamacpp get rollouts -o json"))["items"]
    return found


def test_each_model_tells_that_it_is_well(host: Host, models: list[dict[str, Any]]) -> None:
    assert models != []
    for model in models:
        name = model["metadata"]["name"]
        health = host.check_output(
            KUBECTL + f"get --raw /api/v1/namespaces/llamacpp/services/http:{name}-stable:80/proxy/health"
        )

        assert json.loads(health)["status"] == "ok"


def test_engines_can_change_nothing_of_their_own(models: list[dict[str, Any]]) -> None:
    for model in models:
        pod = model["spec"]["template"]["spec"]

        assert pod["securityContext"]["runAsUser"] == 1000
        assert {entry["securityContext"]["readOnlyRootFilesystem"] for entry in pod["containers"]} == {True}
        assert {"name": "HF_HUB_OFFLINE", "value": "1"} in pod["containers"][0]["env"]
