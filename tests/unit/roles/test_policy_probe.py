"""The policy probe compares what a cluster says to a case with what the case expects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.platform.base.plugins.module_utils.cluster_api import Answer, Api, NotYet
from ansible_collections.platform.base.plugins.module_utils.policy_cases import Case, cases, judge

from roles.gatekeeper.library import policy_probe
from tests.unit.roles.policy_cluster import CONSTRAINT, KIND, Cluster, constraint, serving

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "main", "namespace": "team"}}
QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "gpus", "namespace": "team"}}
DENIED = Case("probes: none", "probes", POD, (), "Give it a readinessProbe")
ALLOWED = Case("probes: one", "probes", POD, (), None)
BRACKETS = Case("seccomp: none", "seccomp", POD, (), "drop: .ALL.")
REFUSAL = (
    'admission webhook \\"validation.gatekeeper.sh\\" denied the request: '
    "[probes-platform] Nobody knows whether main works. Give it a readinessProbe.\\n[seccomp-platform] Set it."
)
RESOURCES = [
    {"name": "pods", "kind": "Pod", "namespaced": True},
    {"name": "pods/log", "kind": "Pod", "namespaced": True},
    {"name": "resourcequotas", "kind": "ResourceQuota", "namespaced": True},
    {"name": "namespaces", "kind": "Namespace", "namespaced": False},
]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with serving(tmp_path / "api") as server:
        server.answers["/api/v1"] = {"resources": RESOURCES}
        yield server


def test_a_suite_tells_its_cases() -> None:
    suite = {
        "tests": [
            {
                "name": "probes",
                "constraint": "constraint.yml",
                "cases": [
                    {"name": "one", "object": "cases/one.yml", "assertions": [{"violations": 0}]},
                    {
                        "name": "none",
                        "object": "cases/none.yml",
                        "inventory": ["cases/quota.yml"],
                        "assertions": [{"violations": 1, "message": "Give it a readinessProbe"}],
                    },
                ],
            }
        ]
    }
    files = {"suite.yml": suite, "constraint.yml": {"metadata": {"name": "probes"}}, "cases/one.yml": POD}
    files |= {"cases/none.yml": POD, "cases/quota.yml": QUOTA}

    found = list(cases({f"probes/{path}": json.dumps(document) for path, document in files.items()}))

    assert found == [ALLOWED, DENIED._replace(inventory=(QUOTA,))]


@pytest.mark.parametrize(
    ("case", "answer"),
    [
        (DENIED, Answer(403, REFUSAL)),
        (BRACKETS, Answer(403, REFUSAL.replace("Set it", "Set drop: [ALL]"))),
        (ALLOWED, Answer(201, "{}")),
        (ALLOWED, Answer(409, "already exists")),
        (ALLOWED, Answer(201, "{}", ("[seccomp-prod] Set it.",))),
    ],
    ids=[
        "refused with the cure",
        "refused with a cure in brackets",
        "let pass",
        "let pass, and there already",
        "another policy warns",
    ],
)
def test_what_a_case_expects_is_right(case: Case, answer: Answer) -> None:
    assert judge(case, answer) is None  # type: ignore[func-returns-value] # it raises, or it does not


@pytest.mark.parametrize(
    ("case", "answer", "why"),
    [
        (DENIED, Answer(201, "{}"), "it is let pass"),
        (DENIED, Answer(403, REFUSAL.replace("Give it", "Take it")), "the cure is not told"),
        (DENIED, Answer(403, REFUSAL.replace("probes-platform", "others-platform")), "the cure is not told"),
        (DENIED, Answer(403, "forbidden: exceeded quota"), "could not judge it"),
        (DENIED, Answer(500, "failed calling webhook"), "could not judge it"),
        (ALLOWED, Answer(403, REFUSAL), "it is not let pass"),
        (ALLOWED, Answer(201, "{}", ("[probes-platform] Nobody knows",)), "it is not let pass"),
    ],
)
def test_anything_else_is_wrong(case: Case, answer: Answer, why: str) -> None:
    with pytest.raises(NotYet, match=why):
        judge(case, answer)


def test_a_case_is_offered_in_a_namespace_of_the_platforms_and_made_nothing_of(cluster: Cluster) -> None:
    probe = policy_probe.Cluster(cluster.api, "platform-verify")

    namespace = probe.prepare(DENIED, 1)
    probe.offer(POD, namespace, "?dryRun=All")

    made = [(method, path) for method, path, _ in cluster.asked if method == "POST"]
    assert made == [
        ("POST", "/api/v1/namespaces"),
        ("POST", "/api/v1/namespaces/platform-verify/pods?dryRun=All"),
    ]
    assert cluster.asked[-1][2]["metadata"] == {"name": "main", "namespace": "platform-verify"}


def test_what_a_killed_probe_left_is_taken_away(cluster: Cluster) -> None:
    left = [{"metadata": {"name": name}} for name in ("kube-system", "platform-verify-policies-1-7")]
    cluster.answers["/api/v1/namespaces"] = {"items": left}

    policy_probe.Cluster(cluster.api, "platform-verify-policies-2").clear()

    gone = [path for method, path, _ in cluster.asked if method == "DELETE"]
    assert gone == ["/api/v1/namespaces/platform-verify-policies-1-7"]


def test_what_was_made_for_a_case_is_taken_away(cluster: Cluster) -> None:
    probe = policy_probe.Cluster(cluster.api, "platform-verify")

    probe.prepare(DENIED._replace(inventory=(QUOTA,)), 7)
    probe.clean_up()

    assert "/api/v1/namespaces/platform-verify-7/resourcequotas" in [path for _, path, _ in cluster.asked]
    assert [path for method, path, _ in cluster.asked if method == "DELETE"] == ["/api/v1/namespaces/platform-verify-7"]


def test_a_copy_that_lacks_a_constraint_is_told_of(cluster: Cluster) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    pods = [{"metadata": {"name": name}, "status": ready} for name in ("one", "two", "three", "four")]
    known = [
        {"id": "one", "enforced": True, "constraintUID": "u", "observedGeneration": 2},
        {"id": "two", "enforced": True, "constraintUID": "u", "observedGeneration": 1},
        {"id": "three", "enforced": True, "constraintUID": "other", "observedGeneration": 2},
        {"id": "four", "constraintUID": "u", "observedGeneration": 2},
    ]
    cluster.answers["/api/v1/namespaces/g/pods?labelSelector=gatekeeper.sh%2Fsystem%3Dyes"] = {"items": pods}
    cluster.answers[KIND] = {"items": [constraint()]}
    statuses = "/apis/status.gatekeeper.sh/v1beta1/namespaces/g/constraintpodstatuses"
    cluster.answers[statuses] = {"items": [{"status": status} for status in known]}

    with pytest.raises(NotYet, match="not in force in four, three, two;"):
        policy_probe.in_force(cluster.api, "g", [CONSTRAINT])


def test_what_did_not_hold_is_tried_again_and_what_held_is_not() -> None:
    tried: list[str] = []

    def fails() -> None:
        tried.append("fails")
        raise NotYet("not yet")

    wanted = [("holds", lambda: tried.append("holds")), ("fails", fails)]
    held: set[str] = set()
    first = policy_probe.attempt(wanted, held)
    policy_probe.attempt(wanted, held)

    assert first == ["not yet"]
    assert sorted(tried) == ["fails", "fails", "holds"]


def test_an_api_that_is_not_there_gives_no_answer(tmp_path: Path) -> None:
    with pytest.raises(NotYet, match="no answer for /readyz"):
        Api(tmp_path / "nothing").get("/readyz")
