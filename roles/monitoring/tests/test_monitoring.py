"""Monitoring, asked as an operator does."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=60s "
KEEPER = KUBECTL + "-n monitoring exec deploy/alert-keeper -- /alert-keeper "
PROMETHEUS = "https://prometheus.monitoring.svc:9090"


def asked(host: Host, path: str) -> Any:
    return json.loads(host.check_output(KEEPER + f"fetch '{PROMETHEUS}{path}'"))["data"]


def test_no_target_is_down(host: Host) -> None:
    targets = asked(host, "/api/v1/targets?state=active")["activeTargets"]

    assert targets != []
    assert [entry["scrapeUrl"] for entry in targets if entry["health"] == "down"] == []


def test_a_failure_raises_its_alert_and_clears_it(host: Host) -> None:
    seconds = json.loads(host.check_output(KEEPER + "trial 30"))

    assert 0 < seconds["raised"] < 30
    assert 0 < seconds["cleared"] < 30


def test_a_target_that_is_really_lost_is_seen(host: Host) -> None:
    copies = host.check_output(KUBECTL + "-n monitoring get statefulset alertmanager -o jsonpath={.spec.replicas}")
    host.check_output(KUBECTL + "-n monitoring scale statefulset/alertmanager --replicas=0")
    try:
        end = time.monotonic() + 180
        down: list[Any] = []
        while not down and time.monotonic() < end:
            down = asked(host, "/api/v1/query?query=absent(up%7Bjob%3D%22alertmanager%22%7D%3D%3D1)")["result"]
            time.sleep(5)
    finally:
        host.check_output(KUBECTL + f"-n monitoring scale statefulset/alertmanager --replicas={copies}")

    assert down != []


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_programs_can_change_nothing_of_their_own(host: Host, name: str) -> None:
    spec = json.loads(host.check_output(KUBECTL + f"-n monitoring get statefulset {name} -o json"))["spec"]

    pod = spec["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert [entry["securityContext"]["readOnlyRootFilesystem"] for entry in pod["containers"]] == [True]
