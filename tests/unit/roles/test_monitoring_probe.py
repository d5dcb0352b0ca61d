"""What verification of monitoring finds wrong, by what Prometheus tells of its targets and rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.repository import role_folder
from tests.role_programs import loaded

probe = loaded(role_folder("monitoring") / "library/monitoring_probe.py")
URL = "https://prometheus.monitoring.svc:9090"


def target(job: str, instance: str, health: str = "up", error: str = "") -> dict[str, Any]:
    labels = {"job": job, "instance": instance}
    return {"labels": labels, "scrapeUrl": f"http://{instance}/metrics", "health": health, "lastError": error}


def rule(name: str, health: str = "ok", error: str = "") -> dict[str, Any]:
    return {"name": name, "health": health, "lastError": error}


def answering(targets: list[dict[str, Any]], rules: list[dict[str, Any]]) -> Callable[[str], Any]:
    def ask(url: str) -> Any:
        if "/targets" in url:
            return {"data": {"activeTargets": targets}}
        return {"data": {"groups": [{"name": "etcd", "rules": rules}] if rules else []}}

    return ask


def wrong(targets: list[dict[str, Any]], rules: list[dict[str, Any]], wanted: dict[str, int]) -> list[str]:
    found: list[str] = probe.everything_up(answering(targets, rules), [URL], wanted)[0]
    return found


def test_where_all_is_up_and_judged_nothing_is_wrong() -> None:
    found, counted = probe.everything_up(answering([target("etcd", "cp1")], [rule("A"), rule("B")]), [URL], {"etcd": 1})

    assert (found, counted) == ([], {"targets": 1, "rules": 2})


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([], "etcd: 0 of 1 targets are known"),
        ([target("etcd", "cp1", "down", "refused")], "etcd at cp1 (http://cp1/metrics): refused"),
        ([target("etcd", "cp1", "unknown")], "etcd at cp1 (http://cp1/metrics): not read yet"),
        ([target("etcd", "cp1"), target("etcd", "b", "down", "refused")], "etcd at b (http://b/metrics): refused"),
    ],
    ids=["missing", "down", "not yet", "one of two"],
)  # fmt: skip
def test_a_target_that_is_not_up_is_named_with_its_error(targets: list[dict[str, Any]], said: str) -> None:
    assert wrong(targets, [rule("A")], {"etcd": 1}) == [said]


@pytest.mark.parametrize(("health", "faults"), [("up", 0), ("down", 2)])
def test_where_only_the_leader_answers_one_is_enough(health: str, faults: int) -> None:
    copies = [target("etcd", "a", health), target("etcd", "b", "down", "refused")]
    for copy in copies:
        copy["labels"]["answers"] = "leader"

    assert len(wrong(copies, [rule("A")], {"etcd": 1})) == faults


def test_what_nobody_tells_of_is_not_waited_for() -> None:
    assert wrong([target("site", "x", "down", "theirs"), target("etcd", "cp1")], [rule("A")], {"etcd": 1}) == []


def test_a_rule_that_cannot_be_judged_is_named_with_its_error() -> None:
    found = wrong([target("etcd", "cp1")], [rule("A", "unknown"), rule("B", "err", "ambiguous")], {"etcd": 1})

    assert found == ["etcd/B: ambiguous"]


def test_a_prometheus_without_rules_is_wrong() -> None:
    assert wrong([target("etcd", "cp1")], [], {"etcd": 1}) == [f"{URL} has no rules"]


def test_each_copy_is_asked() -> None:
    assert probe.prometheus_at(URL, 2) == [
        "https://prometheus-0.prometheus.monitoring.svc:9090",
        "https://prometheus-1.prometheus.monitoring.svc:9090",
    ]
    assert probe.prometheus_at(URL, 1) == [URL]
