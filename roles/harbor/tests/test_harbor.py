"""The site's registry, as whoever reaches it finds it."""

from __future__ import annotations

import json
import shlex
from typing import Any

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=20s -n harbor "


def asked(host: Host, path: str) -> tuple[int, str]:
    """Return what the registry says to nobody in particular, by its status and its body."""
    known = host.ansible.get_variables()
    name, address = known["platform_registry_host"], known["platform_registry_address"]
    command = ["curl", "--silent", "--cacert", "/etc/platform/ca.crt", "--resolve", f"{name}:443:{address}"]
    command += ["--write-out", "\\n%{http_code}", f"https://{name}{path}"]
    body, _, status = host.check_output(shlex.join(command).replace("%", "%%")).rpartition("\n")
    return int(status), body


def items(host: Host, kind: str) -> list[dict[str, Any]]:
    """Return the namespace's objects of a kind."""
    found: list[dict[str, Any]] = json.loads(host.check_output(KUBECTL + f"get {kind} -o json"))["items"]
    return found


def test_every_part_is_well(host: Host) -> None:
    status, body = asked(host, "/api/v2.0/health")

    assert status == 200
    assert {part["status"] for part in json.loads(body)["components"]} == {"healthy"}


def test_nobody_lists_robots_or_projects_of_teams(host: Host) -> None:
    assert asked(host, "/api/v2.0/robots")[0] in (401, 403)
    assert all(project["metadata"]["public"] == "true" for project in json.loads(asked(host, "/api/v2.0/projects")[1]))


def test_no_pod_has_a_token_of_the_cluster(host: Host) -> None:
    given = {pod["metadata"]["name"]: pod["spec"].get("automountServiceAccountToken") for pod in items(host, "pods")}

    assert set(given.values()) == {False}, given


def test_the_namespace_speaks_to_nobody_by_default(host: Host) -> None:
    assert "default-deny" in {item["metadata"]["name"] for item in items(host, "ciliumnetworkpolicies")}


def test_certificates_are_carried_over_each_day(host: Host) -> None:
    assert host.service("platform-harbor-certificates.timer").is_enabled
    assert host.file("/usr/local/lib/platform/harbor-certificates").mode == 0o755


def test_everybody_may_read_the_key_that_signatures_are_checked_with(host: Host) -> None:
    key = host.file("/etc/platform/harbor/cosign.pub")

    assert key.content_string.startswith("-----BEGIN PUBLIC KEY-----")
    assert key.mode == 0o644
