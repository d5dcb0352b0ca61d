"""Certificates are issued and checked each time; a pod is seen to use a renewed one now and then."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from roles.cert_manager.library import certificate_probe
from tests.unit.roles.cluster import Remembering

NOON = 1769860800.0
ISSUERS = ["platform-services", "platform-authority"]
GIVEN = {
    "namespace": "cert-manager", "issuers": ISSUERS, "image": "watcher", "label": "authorities", "seconds": 0,
}  # fmt: skip


class ProbeFailed(Exception):
    """What the module would end with."""


class Room:
    """The probe's namespace: issuers issue at once, and a pod uses what its certificate was last renewed to."""

    namespace = "platform-verify-certificate-1"

    def __init__(self, chain: str, broken: str = "") -> None:
        self.broken = broken
        self.pods = 0
        self._chain, self._renewals = chain, 0

    def create(self, document: dict[str, Any]) -> None:
        """Take what is asked for."""
        self.pods += document["kind"] == "Pod"

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Answer as kubectl does."""
        answer = ""
        if arguments[:2] == ("get", "secret") and self.broken != "issuer":
            chain = self._chain + "\n" * self._renewals
            answer = json.dumps({"data": {"tls.crt": base64.b64encode(chain.encode()).decode()}})
        if arguments[:2] == ("get", "configmap") and self.broken != "authorities":
            answer = json.dumps({"data": {"ca.crt": self._chain}})
        if arguments[0] == "logs" and self.pods:
            answer = f"serial {0 if self.broken == 'watcher' else self._renewals}\n"
        return subprocess.CompletedProcess([], 0, answer, "")

    def run(self, *arguments: str) -> str:
        """Renew a certificate when its state is patched."""
        self._renewals += arguments[0] == "patch"
        return json.dumps({"status": {"conditions": []}})

    def fail(self, message: str) -> None:
        """Fail as the module does."""
        raise ProbeFailed(message)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of an authority, which signed itself."""
    folder = tmp_path_factory.mktemp("authority")
    new = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=a",
    ]
    files = ["-keyout", str(folder / "a.key"), "-out", str(folder / "a.crt")]
    subprocess.run([*new, *files], check=True, capture_output=True)
    return folder / "a.crt"


@pytest.fixture
def site() -> Remembering:
    kinds = {"deployments.apps": ["cert-manager", "trust-manager"], "clusterissuers.cert-manager.io": ISSUERS}
    return Remembering(
        {(kind, name): {"metadata": {"name": name}, "spec": {}} for kind, names in kinds.items() for name in names}
    )


def used(site: Remembering, known: Path, later: float = 0.0, broken: str = "", **given: Any) -> tuple[int, str]:
    """Verify, and return how many pods that took, and when the last renewal was seen."""
    place: Any = Room(known.read_text(), broken)
    everything = {**GIVEN, "authority": str(known), "drill_hours": 24, **given}
    probe = certificate_probe.Probe(everything, place)
    report = certificate_probe.use(site, everything, probe, lambda: NOON + later)
    return place.pods, report["certificate_practised"]


def test_a_renewal_holds_good_for_a_day_and_its_moment_is_told(site: Remembering, authority: Path) -> None:
    first, second = used(site, authority), used(site, authority, later=80000)

    assert first[0] == 1
    assert second == (0, first[1])
    assert first[1].startswith("2026-01-31T12:00")


@pytest.mark.parametrize(
    ("changed", "later", "given"),
    [
        (("deployments.apps", "cert-manager"), 0, {}),
        (("deployments.apps", "trust-manager"), 0, {}),
        (("clusterissuers.cert-manager.io", "platform-services"), 0, {}),
        (None, 0, {"image": "another"}),
        (None, 90000, {}),
        (None, 0, {"drill_hours": 0}),
    ],
    ids=["another cert-manager", "another trust-manager", "another issuer", "another image", "long ago", "thorough"],
)
def test_a_certificate_is_renewed_again(
    site: Remembering, authority: Path, changed: tuple[str, str] | None, later: float, given: dict[str, Any]
) -> None:
    used(site, authority)
    if changed:
        site.objects[changed] = {"metadata": {"name": changed[1]}, "spec": {"replicas": 2}}

    assert used(site, authority, later, **given)[0] == 1


def test_a_renewal_that_no_pod_came_to_use_is_not_remembered(site: Remembering, authority: Path) -> None:
    used(site, authority)

    with pytest.raises(ProbeFailed, match="did not come to use the new certificate"):
        used(site, authority, broken="watcher", drill_hours=0)

    assert used(site, authority)[0] == 1


@pytest.mark.parametrize(
    ("broken", "wrong"),
    [("issuer", "platform-services did not issue a certificate"), ("authorities", "was not given the authorities")],
)
def test_what_does_not_work_fails_though_a_renewal_was_seen_just_now(
    site: Remembering, authority: Path, broken: str, wrong: str
) -> None:
    used(site, authority)

    with pytest.raises(ProbeFailed, match=wrong):
        used(site, authority, broken=broken)


def test_a_chain_that_leads_elsewhere_fails_though_a_renewal_was_seen_just_now(
    site: Remembering, authority: Path, tmp_path: Path
) -> None:
    used(site, authority)
    (tmp_path / "none.crt").write_text("")

    with pytest.raises(ProbeFailed, match="platform-services has no good chain"):
        used(site, authority, authority=str(tmp_path / "none.crt"))
