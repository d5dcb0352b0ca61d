"""Models on GPUs, looked at from outside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=60s "


@pytest.fixture
def models(host: Host) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(host.check_output(KUBECTL + "-n vllm get rollouts -o json"))["items"]
    return found


def test_each_model_answers_to_its_name(host: Host, models: list[dict[str, Any]]) -> None:
    assert models != []
    for model in models:
        name = model["metadata"]["name"]
        told = host.check_output(
            KUBECTL + f"get --raw /api/v1/namespaces/vllm/services/http:{name}-stable:80/proxy/v1/models"
        )

        assert name in [entry["id"] for entry in json.loads(told)["data"]]


def test_engines_can_change_nothing_of_their_own_and_ask_nobody(models: list[dict[str, Any]]) -> None:
    for model in models:
        pod = model["spec"]["template"]["spec"]

        assert pod["securityContext"]["runAsUser"] == 1000
        assert {entry["securityContext"]["readOnlyRootFilesystem"] for entry in pod["containers"]} == {True}
        assert {"name": "VLLM_NO_USAGE_STATS", "value": "1"} in pod["containers"][0]["env"]


def test_the_namespace_has_a_quota_of_what_its_models_have(host: Host, models: list[dict[str, Any]]) -> None:
    quota = json.loads(host.check_output(KUBECTL + "-n vllm get resourcequota platform -o json"))["spec"]["hard"]

    asked = {
        name
        for model in models
        for name in model["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        if name.startswith("nvidia.com/")
    }

    assert {f"requests.{name}" for name in asked} <= set(quota)
