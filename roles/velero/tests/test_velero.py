"""Backups of the site, asked as an operator does."""

from __future__ import annotations

import json

from testinfra.host import Host

testinfra_hosts = ["ansible://admin?force_ansible=True"]
KUBECTL = "kubectl --kubeconfig /etc/platform/kubeconfig --request-timeout=10s "


def test_every_location_can_be_written(host: Host) -> None:
    locations = json.loads(host.check_output(KUBECTL + "-n velero get backupstoragelocations -o json"))["items"]

    assert {entry["metadata"]["name"]: entry["status"]["phase"] for entry in locations}["default"] == "Available"


def test_a_backup_is_made_every_hour(host: Host) -> None:
    at = host.check_output(KUBECTL + "-n velero get schedules platform-hourly -o jsonpath={.spec.schedule}")

    assert at == "0 * * * *"


def test_what_is_encrypted_has_a_password_of_its_own(host: Host) -> None:
    secret = json.loads(host.check_output(KUBECTL + "-n velero get secret velero-repo-credentials -o json"))

    # The one that Velero makes by itself, in base64.
    assert secret["data"]["repository-password"] != "c3RhdGljLXBhc3N3MHJk"


def test_operators_have_the_program(host: Host) -> None:
    assert "v1.18.3" in host.check_output("velero version --client-only")
