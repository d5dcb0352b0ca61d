"""What the platform violates is told by the last audit or, until there can have been one, by gator."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.cluster_api import NotYet
from ansible_collections.platform.base.plugins.module_utils.policy_review import documents, kept, review

from tests.unit.roles.policy_cluster import CONSTRAINT, KIND, Cluster, constraint, serving

VIOLATION = {
    "msg": "Give it a readinessProbe", "constraint": {"metadata": {"name": "probes-platform"}},
    "violatingObject": {"kind": "Pod", "metadata": {"namespace": "vault", "name": "main"}},
}  # fmt: skip
APPLIED_TO = {"groups": ["apps"], "versions": ["v1"], "kinds": ["Deployment"]}
QUOTAS = {"group": "", "kind": "ResourceQuota"}
VIOLATED = {"kind": "Pod", "namespace": "a", "name": "b", "message": "m"}
# As the cluster has it.
THERE = {**constraint(), **CONSTRAINT, "apiVersion": "constraints.gatekeeper.sh/v1beta1"}
Gator = Callable[..., str]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Return a cluster with one policy about pods, which knows quotas, and with a pod."""
    with serving(tmp_path / "api") as server:
        server.answers[KIND] = {"items": [constraint()]}
        server.hold([
            item("templates.gatekeeper.sh/v1", "ConstraintTemplate", "platformprobes"),
            item("expansion.gatekeeper.sh/v1beta1", "ExpansionTemplate", "pods", applyTo=[APPLIED_TO]),
            item("syncset.gatekeeper.sh/v1alpha1", "SyncSet", "known", gvks=[QUOTAS]),
            *(item("v1", kind, "one") for kind in ("Namespace", "Pod", "ResourceQuota")),
            item("apps/v1", "Deployment", "one"),
        ])  # fmt: skip
        yield server


def item(version: str, kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def gator(tmp_path: Path) -> Gator:
    """Return what makes a program that keeps the file it was given, and says what it was told to."""

    def made(says: str, complains: str = "", ends: int = 0) -> str:
        program = tmp_path / "gator"
        (tmp_path / "says").write_text(says)
        program.write_text(
            f'#!/bin/sh\ncp "${{3#--filename=}}" {tmp_path}/given\ncat {tmp_path}/says\n'
            f"printf %s '{complains}' >&2\nexit {ends}\n"
        )
        program.chmod(0o755)
        return str(program)

    return made


def applied_now(**status: Any) -> dict[str, Any]:
    """Return a constraint that was changed a moment ago."""
    fields = [{"manager": "platform", "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}]
    whole = constraint(**status)
    return {**whole, "metadata": {**whole["metadata"], "managedFields": fields}}


def is_kept(cluster: Cluster, gator: str) -> bool:
    """Return true, or raise."""
    kept(cluster.api, [CONSTRAINT], 60, gator)
    return True


# ---------------------------------------------------------------- by the audit


@pytest.mark.parametrize(
    ("found", "late", "why"),
    [
        (constraint(violations=[VIOLATED]), float("inf"), "Pod a/b: m"),
        (constraint(audited="2025-12-31T00:00:00Z"), 60, "was not audited"),
    ],
    ids=["a violation", "an audit before the last change"],
)
def test_what_the_audit_found_is_told(found: dict[str, Any], late: float, why: str, cluster: Cluster) -> None:
    cluster.answers[KIND] = {"items": [found]}

    with pytest.raises(NotYet, match=why):
        kept(cluster.api, [CONSTRAINT], late, "/nowhere")


def test_a_constraint_that_is_not_there_is_told_of(cluster: Cluster) -> None:
    cluster.answers[KIND] = {"items": []}

    with pytest.raises(NotYet, match="no constraint probes-platform"):
        kept(cluster.api, [CONSTRAINT], float("inf"), "/nowhere")


def test_an_audit_that_came_too_long_ago_is_none(cluster: Cluster) -> None:
    cluster.answers[KIND] = {"items": [constraint()]}

    with pytest.raises(NotYet, match="was not audited"):
        kept(cluster.api, [CONSTRAINT], 0, "/nowhere")


# ---------------------------------------------------------------- by gator


def test_until_an_audit_can_have_been_there_gator_judges(cluster: Cluster, gator: Gator) -> None:
    cluster.answers[KIND] = {"items": [applied_now()]}

    with pytest.raises(NotYet, match="probes-platform: Pod vault/main: Give it a readinessProbe"):
        kept(cluster.api, [CONSTRAINT], 60, gator(json.dumps([VIOLATION]), ends=1))

    assert is_kept(cluster, gator("null"))


def test_what_an_audit_before_the_change_found_is_not_told(cluster: Cluster, gator: Gator) -> None:
    cluster.answers[KIND] = {"items": [applied_now(violations=[VIOLATED])]}

    assert is_kept(cluster, gator("null"))


def test_what_a_site_forbids_itself_is_its_own_affair(cluster: Cluster, gator: Gator) -> None:
    cluster.answers[KIND] = {"items": [applied_now()]}
    violated = {**VIOLATION, "constraint": {"metadata": {"name": "probes-prod"}}}

    assert is_kept(cluster, gator(json.dumps([violated])))


def test_gator_gets_the_policies_and_all_that_they_are_about(cluster: Cluster, gator: Gator, tmp_path: Path) -> None:
    assert review(cluster.api, [THERE], gator("null")) == []

    given = [json.loads(text) for text in (tmp_path / "given").read_text().split("\n---\n")]
    assert [(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in given] == [
        ("constraints.gatekeeper.sh/v1beta1", "PlatformProbes", "probes-platform"),
        ("templates.gatekeeper.sh/v1", "ConstraintTemplate", "platformprobes"),
        ("expansion.gatekeeper.sh/v1beta1", "ExpansionTemplate", "pods"),
        ("v1", "Namespace", "one"),
        ("v1", "Pod", "one"),
        ("v1", "ResourceQuota", "one"),
        ("apps/v1", "Deployment", "one"),
    ]


@pytest.mark.parametrize(
    ("says", "complains", "ends", "why"),
    [
        ("", "cannot read", 1, "cannot read"),
        ("null", "one template is not understood", 0, "one template"),
        ("null", "", 2, "does not judge"),
    ],
    ids=["nothing", "a complaint", "another end"],
)
def test_a_gator_that_does_not_judge_is_told_of(
    says: str, complains: str, ends: int, why: str, cluster: Cluster, gator: Gator
) -> None:
    with pytest.raises(NotYet, match=why):
        review(cluster.api, [THERE], gator(says, complains, ends))


def test_a_gator_that_is_not_there_is_told_of(cluster: Cluster) -> None:
    with pytest.raises(NotYet, match=r"gator does not judge what is there: .*nowhere"):
        review(cluster.api, [THERE], "/nowhere/gator")


def test_a_kind_that_the_cluster_does_not_know_is_told_of(cluster: Cluster) -> None:
    cluster.answers["/api/v1"] = {"resources": [{"name": "namespaces", "kind": "Namespace"}]}

    with pytest.raises(NotYet, match="the cluster knows no Pod of v1"):
        list(documents(cluster.api, [THERE]))
