"""The gateway, looked at from outside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=60s -n inference-gateway "
DOOR = "kubectl --kubeconfig /etc/platform/kubeconfig -n traffic-router get service -o json"


@pytest.fixture
def address(host: Host) -> str:
    services = json.loads(host.check_output(DOOR))["items"]
    found: str = next(entry["status"]["loadBalancer"]["ingress"][0]["ip"] for entry in services)
    return found


@pytest.fixture
def deployment(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(host.check_output(KUBECTL + "get deploy inference-gateway -o json"))
    return found


def test_it_is_known_by_its_name_and_asks_for_a_key(host: Host, address: str) -> None:
    name = host.check_output(KUBECTL + "get certificate inference-gateway-tls -o jsonpath={.spec.dnsNames[0]}")

    status = host.check_output(
        f"curl --silent --cacert /etc/platform/ca.crt --resolve {name}:443:{address} "
        f"--output /dev/null --write-out '%{{http_code}}' https://{name}/v1/models"
    )

    assert status == "401"


def test_copies_are_as_many_as_promised(host: Host) -> None:
    scaler = json.loads(host.check_output(KUBECTL + "get hpa inference-gateway -o json"))["spec"]

    targets = {entry["resource"]["name"]: entry["resource"]["target"] for entry in scaler["metrics"]}
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 10)
    assert targets["cpu"]["averageUtilization"] == 70
    assert targets["memory"]["averageUtilization"] == 80
    assert scaler["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300


def test_a_copy_has_no_rights_and_the_promised_size(deployment: dict[str, Any]) -> None:
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsUser"] == 1000
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["requests"] == {"cpu": "250m", "memory": "256Mi"}
    assert container["resources"]["limits"] == {"cpu": "500m", "memory": "512Mi"}
