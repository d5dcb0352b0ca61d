"""Policies, met as somebody who makes workloads does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=20s "
WEBHOOKS = "get validatingwebhookconfiguration gatekeeper-validating-webhook-configuration -o json"
CARELESS = '{"spec": {"containers": [{"name": "main", "image": "registry.example.com/main:1"}]}}'


@pytest.fixture(scope="module")
def there(host: Host) -> Iterator[str]:
    """Make a namespace that says nothing of itself, yield how to work in it, and delete it with all that is in it."""
    host.check_output(KUBECTL + "create namespace policy-test")
    yield KUBECTL + "-n policy-test "
    host.check_output(KUBECTL + "delete namespace policy-test --wait=false")


def pod(image: str) -> dict[str, Any]:
    """Return a pod that keeps every policy."""
    container = {
        "name": "main",
        "image": image,
        "args": ["netexec", "--http-port=8080", "--udp-port=-1"],
        "readinessProbe": {"tcpSocket": {"port": 8080}},
        "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    spec = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "careful"}, "spec": spec}


def test_what_nobody_answers_for_is_refused(host: Host) -> None:
    webhooks = json.loads(host.check_output(KUBECTL + WEBHOOKS))["webhooks"]

    assert {webhook["failurePolicy"] for webhook in webhooks} == {"Fail"}


def test_what_gatekeeper_needs_to_start_is_not_asked_about(host: Host) -> None:
    name = "gatekeeper-validating-webhook-configuration"

    webhook = json.loads(host.check_output(KUBECTL + f"get validatingwebhookconfiguration {name} -o json"))["webhooks"][
        0
    ]

    left_out = [entry for entry in webhook["namespaceSelector"]["matchExpressions"] if entry["operator"] == "NotIn"]
    assert {name for entry in left_out for name in entry["values"]} == {"kube-system", "gatekeeper-system"}
    resources = {resource for rule in webhook["rules"] for resource in rule["resources"]}
    assert not resources & {"*/*", "leases", "nodes", "secrets", "events", "endpointslices"}


def test_a_careless_pod_is_refused_with_the_cures(host: Host, there: str) -> None:
    done = host.run(there + "run careless --image=registry.example.com/main:1 --overrides=%s", CARELESS)

    assert done.rc != 0
    assert "Set securityContext.runAsNonRoot: true" in done.stderr
    assert "Add its digest" in done.stderr


def test_who_makes_a_workload_is_warned(host: Host, there: str) -> None:
    done = host.run(there + "create deployment careless --image=registry.example.com/main:1 --dry-run=server")

    assert "Warning" in done.stderr
    assert "Set securityContext.runAsNonRoot: true" in done.stderr


def test_a_careful_pod_runs_and_does_not_reach_gatekeeper(host: Host, there: str) -> None:
    image = host.check_output(
        KUBECTL + "-n platform-probe get daemonset probe -o jsonpath='{.spec.template.spec.containers[0].image}'"
    )
    path = "{.items[0].status.podIP}"
    names = host.check_output(KUBECTL + f"-n kube-system get pods -l k8s-app=kube-dns -o jsonpath='{path}'")
    webhook = host.check_output(
        KUBECTL + f"-n gatekeeper-system get pods -l gatekeeper.sh/operation=webhook -o jsonpath='{path}'"
    )

    host.check_output("echo %s | " + there + "apply -f -", json.dumps(pod(image)))
    host.check_output(there.replace("20s", "190s") + "wait pod/careful --for=condition=Ready --timeout=180s")
    allowed = host.run(there + f"exec careful -- /agnhost connect {names}:53 --timeout=5s")
    forbidden = host.run(there + f"exec careful -- /agnhost connect {webhook}:8443 --timeout=3s")

    assert allowed.rc == 0, allowed.stderr
    assert forbidden.rc != 0
    assert "TIMEOUT" in forbidden.stdout + forbidden.stderr
