"""Verification of scaling waits for what must come, and tells what came instead; what was held is let go."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from ansible_collections.platform.base.plugins.module_utils.kubectl import KubectlFailed

from tests.reference import read_reference
from tests.repository import role_folder
from tests.role_programs import loaded
from tests.unit.roles.cluster import Cluster

probe = loaded(role_folder("keda") / "library/scaling_probe.py")
letting_go = loaded(role_folder("keda") / "library/scaling_let_go.py")
PROMETHEUS = "https://prometheus.monitoring.svc:9090"
GIVEN = {
    "image": "registry.example.com/agnhost:v1",
    "prometheus": PROMETHEUS,
    "seconds": 8,
    "measuring": "m/prometheus",
}
SERVICE = ("apiservices.apiregistration.k8s.io", "v1beta1.external.metrics.k8s.io")
AVAILABLE = {"conditions": [{"type": "Available", "status": "True"}]}


class Scaler(Cluster):
    """Stands for a cluster that scales: for each query, the copies that are wanted and whether it goes without.

    Args:
        copies: by query, the copies that it comes to.
        blind: queries that are said to have no value.
        measured: whether there is who measures.
    """

    def __init__(
        self, copies: dict[str, int], blind: tuple[str, ...] = (probe.NOTHING_KNOWN,), measured: bool = True
    ) -> None:
        super().__init__({})
        self._copies = copies
        self._blind = blind
        self._measured = measured
        self.triggers: list[dict[str, Any]] = []

    def attempt(
        self, *arguments: str, document: Any = None, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        if arguments[:3] == ("get", "service", "prometheus"):
            return subprocess.CompletedProcess([], 0, "service/prometheus" if self._measured else "", "")
        return super().attempt(*arguments, document=document, text=text)

    def apply(self, documents: Any, namespace: str) -> None:
        for item in documents:
            if item["kind"] == "Rollout":
                self.objects["rollouts.argoproj.io", "probe"] = json.loads(json.dumps(item))
            if item["kind"] == "ScaledObject":
                (trigger,) = item["spec"]["triggers"]
                self.triggers.append(trigger)
                query = _asked(trigger)
                self.objects["rollouts.argoproj.io", "probe"]["spec"]["replicas"] = self._copies[query]
                said = {"type": "Fallback", "status": str(query in self._blind), "message": f"asked {query}"}
                self.objects["scaledobjects.keda.sh", "probe"] = {"status": {"conditions": [said]}}


def _asked(trigger: dict[str, Any]) -> str:
    """Return the query of a trigger, or the one that stands for its times."""
    if trigger["type"] == "cron":
        return str(probe.MUCH if trigger["metadata"]["start"].startswith("0 0 1 1") else probe.NONE)
    return str(trigger["metadata"]["query"])


GOOD = {probe.MUCH: 2, probe.NOTHING_KNOWN: 2, probe.NONE: 1}


def test_copies_that_follow_their_measure_hold() -> None:
    assert probe.use(Scaler(GOOD), GIVEN, "room") >= 0


def test_where_nobody_measures_yet_the_time_of_day_does() -> None:
    cluster = Scaler(GOOD, measured=False)

    probe.use(cluster, GIVEN, "room")

    assert [trigger["type"] for trigger in cluster.triggers] == ["cron", "prometheus", "cron"]
    assert cluster.triggers[1]["metadata"]["serverAddress"] != PROMETHEUS


def test_who_measures_the_site_is_asked_where_that_is_there() -> None:
    cluster = Scaler(GOOD)

    probe.use(cluster, GIVEN, "room")

    assert {trigger["metadata"]["serverAddress"] for trigger in cluster.triggers} == {PROMETHEUS}


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (Scaler({**GOOD, probe.MUCH: 1}), "two copies, since twice as much waits"),
        (Scaler(GOOD, blind=()), "the operator knows that the measure has no value"),
        (Scaler({**GOOD, probe.NOTHING_KNOWN: 1}), "A measure had no value, and 1 copies were wanted instead of 2"),
        (Scaler({**GOOD, probe.NONE: 2}), "one copy, since nothing waits"),
    ],
    ids=["none comes", "nobody says so", "one goes without a measure", "none goes"],
)
def test_what_does_not_come_is_named(cluster: Scaler, said: str) -> None:
    with pytest.raises(KubectlFailed, match=said):
        probe.use(cluster, GIVEN, "room")


def test_what_the_operator_says_is_told() -> None:
    with pytest.raises(KubectlFailed, match=r"asked vector\(2\)"):
        probe.use(Scaler({**GOOD, probe.MUCH: 1}), GIVEN, "room")


def test_who_answers_for_measures_is_there_and_known() -> None:
    cluster = Cluster({SERVICE: {"spec": {"caBundle": "Y2E="}, "status": AVAILABLE}})

    probe.answers_for_measures(cluster, 4)

    assert any(SERVICE[1] in asked for asked in cluster.asked)


@pytest.mark.parametrize(
    ("spec", "status", "said"),
    [
        ({"caBundle": "Y2E="}, {"conditions": [{"type": "Available", "status": "False", "message": "x509"}]}, "x509"),
        ({"caBundle": "Y2E="}, {}, "reach nobody for measures: no reason"),
        ({"insecureSkipTLSVerify": True}, AVAILABLE, "do not look at the certificate"),
        ({}, AVAILABLE, "do not look at the certificate"),
    ],
    ids=["not trusted", "not asked yet", "anybody might answer", "no authority"],
)
def test_an_answer_that_is_not_to_be_trusted_is_found(spec: dict[str, Any], status: dict[str, Any], said: str) -> None:
    with pytest.raises(KubectlFailed, match=said):
        probe.answers_for_measures(Cluster({SERVICE: {"spec": spec, "status": status}}), 4)


@pytest.mark.parametrize("prometheus", [PROMETHEUS, ""])
def test_what_is_asked_for_is_what_its_kind_describes(prometheus: str) -> None:
    kind = read_reference("charts", "crds", "keda", "scaledobjects.keda.sh.yaml")
    schema = kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    errors = list(jsonschema.Draft7Validator(schema).iter_errors(probe.scaled_object(probe.MUCH, prometheus)))

    assert [f"{error.json_path}: {error.message}" for error in errors] == []


class Holding(Cluster):
    """Stands for a cluster of which KEDA held objects; `ready` says whether it answers."""

    def __init__(self, *held: tuple[str, dict[str, Any]], ready: bool = True) -> None:
        super().__init__({(kind, item["metadata"]["name"]): item for kind, item in held})
        self.ready = ready
        self.changes: list[str] = []

    def attempt(
        self, *arguments: str, document: Any = None, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        if arguments[-1] == "/readyz":
            return subprocess.CompletedProcess([], 0 if self.ready else 1, "", "")
        if arguments[0] == "patch":
            self.changes.append(" ".join(arguments))
        return super().attempt(*arguments, document=document, text=text)


def held() -> Iterator[tuple[str, dict[str, Any]]]:
    scaled, shared = "scaledobjects.keda.sh", "clustertriggerauthentications.keda.sh"
    yield scaled, {"metadata": {"name": "tiny", "namespace": "llamacpp", "finalizers": ["finalizer.keda.sh", "x/y"]}}
    yield scaled, {"metadata": {"name": "free", "namespace": "shop", "finalizers": ["x/y"]}}
    yield shared, {"metadata": {"name": "all", "finalizers": ["finalizer.keda.sh"]}}


def test_what_was_held_is_let_go_and_nothing_else_is_changed() -> None:
    cluster = Holding(*held())

    found = letting_go.let_go(cluster, dry=False)

    assert found == ["scaledobjects.keda.sh/llamacpp/tiny", "clustertriggerauthentications.keda.sh/all"]
    assert cluster.objects["scaledobjects.keda.sh", "tiny"]["metadata"]["finalizers"] == ["x/y"]
    assert [change.split()[-1] for change in cluster.changes] == [
        "--namespace=llamacpp", '--patch={"metadata":{"finalizers":[]}}'.replace(":", ": ").split()[-1],
    ]  # fmt: skip
    assert letting_go.let_go(cluster, dry=False) == []


def test_a_rehearsal_lets_nothing_go() -> None:
    cluster = Holding(*held())

    assert len(letting_go.let_go(cluster, dry=True)) == 2
    assert cluster.changes == []


def test_without_a_cluster_there_is_nothing_to_let_go() -> None:
    assert letting_go.let_go(Holding(*held(), ready=False), dry=False) == []
