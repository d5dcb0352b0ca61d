"""The probes of secrets and certificates find what is wrong, and show no secret when they do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from roles.cert_manager.library import certificate_probe
from roles.vault_workloads.library import workload_secret_probe

GOOD = {"owner": "value planted", "stranger": "platform/data/x: refused", "misdirected": "login: refused"}


def test_each_pod_was_told_what_it_should_be() -> None:
    assert workload_secret_probe.judge(GOOD, "planted", "pod") is None


@pytest.mark.parametrize(
    ("pod", "told", "wrong"),
    [
        ("owner", "platform/data/x: refused", "did not get its secret"),
        ("stranger", "value planted", "stranger pod was not refused"),
        ("misdirected", "value planted", "misdirected pod was not refused"),
    ],
)
def test_what_a_pod_should_not_have_been_told_is_found_and_not_shown(pod: str, told: str, wrong: str) -> None:
    found = workload_secret_probe.judge({**GOOD, pod: told}, "planted", "pod")

    assert found is not None
    assert wrong in found
    assert "planted" not in found


def test_a_chain_that_leads_elsewhere_is_found(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        key, certificate = str(tmp_path / f"{name}.key"), str(tmp_path / f"{name}.crt")
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        subprocess.run(
            [*new, "-subj", f"/CN={name}", "-keyout", key, "-out", certificate], check=True, capture_output=True
        )
    ours, theirs = tmp_path / "ours.crt", tmp_path / "theirs.crt"

    assert certificate_probe.judge(ours.read_text(), str(ours)) is None
    assert "self-signed" in (certificate_probe.judge(theirs.read_text(), str(ours)) or "")
