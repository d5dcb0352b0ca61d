"""The registry of models, looked at from outside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=60s -n model-registry "
DOOR = "kubectl --kubeconfig /etc/platform/kubeconfig -n traffic-router get service -o json"
SEARCH = "/api/2.0/mlflow/registered-models/search"


@pytest.fixture
def asked(host: Host) -> Any:
    """Return what asks the registry for a path, as nobody, and returns the status."""
    services = json.loads(host.check_output(DOOR))["items"]
    address = next(entry["status"]["loadBalancer"]["ingress"][0]["ip"] for entry in services)
    name = host.check_output(KUBECTL + "get certificate registry-tls -o jsonpath={.spec.dnsNames[0]}")
    command = f"curl --silent --cacert /etc/platform/ca.crt --resolve {name}:443:{address} --output /dev/null "
    return lambda path: host.check_output(f"{command} --write-out '%{{http_code}}' https://{name}{path}")


def test_it_is_known_by_its_name_and_asks_for_a_password(asked: Any) -> None:
    assert asked(SEARCH) == "401"


def test_its_own_certificate_is_shown_through_the_router(asked: Any) -> None:
    assert asked("/health/live") == "200"


def test_no_program_has_rights_or_a_token(host: Host) -> None:
    pods = json.loads(host.check_output(KUBECTL + "get pods -o json"))["items"]

    assert {pod["spec"]["automountServiceAccountToken"] for pod in pods} == {False}
    assert all(
        container["securityContext"]["readOnlyRootFilesystem"]
        for pod in pods
        for container in pod["spec"]["containers"]
    )


def test_the_namespace_speaks_to_nobody_by_default(host: Host) -> None:
    found = json.loads(host.check_output(KUBECTL + "get ciliumnetworkpolicies -o json"))["items"]

    assert "default-deny" in {item["metadata"]["name"] for item in found}


def test_no_telemetry_is_told(host: Host) -> None:
    pod = json.loads(host.check_output(KUBECTL + "get deploy model-registry -o json"))["spec"]["template"]["spec"]

    given = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    assert (given["MLFLOW_DISABLE_TELEMETRY"], given["DO_NOT_TRACK"]) == ("true", "true")
