"""A drill that ended well holds good for a while, of what it tried alone."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.drills import LastDrill, digest

NOON = 1_800_000_000.0


class Kept:
    """A cluster that has config maps, of one namespace."""

    def __init__(self) -> None:
        self.maps: list[dict[str, Any]] = []

    def items(self, *_arguments: str) -> list[dict[str, Any]]:
        return self.maps

    def apply(self, documents: list[dict[str, Any]], _namespace: str) -> None:
        self.maps = documents

    def run(self, verb: str, *_arguments: str) -> str:
        assert verb == "delete"
        self.maps = []
        return ""


@pytest.fixture
def drill() -> LastDrill:
    cluster: Any = Kept()
    return LastDrill(cluster, "storage")


def test_what_was_never_practised_is_not_known(drill: LastDrill) -> None:
    assert drill.measured("this", 24, NOON) == {}


@pytest.mark.parametrize(
    ("tried", "hours_later", "allowed", "holds"),
    [("this", 23, 24, True), ("this", 25, 24, False), ("that", 1, 24, False), ("this", 0, 0, False)],
)
def test_it_holds_good_for_a_while_and_for_what_was_tried(
    drill: LastDrill, tried: str, hours_later: float, allowed: float, holds: bool
) -> None:
    kept = drill.keep("this", 4.25, NOON)

    found = drill.measured(tried, allowed, NOON + 3600 * hours_later)

    assert found == (kept if holds else {})
    assert kept["seconds"] == "4.2"


def test_one_that_is_begun_is_no_reason_to_do_without_the_next(drill: LastDrill) -> None:
    drill.keep("this", 4.0, NOON)

    drill.forget()

    assert drill.measured("this", 24, NOON) == {}


def thing(name: str, **parts: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": "1"}, "status": {"readyReplicas": 1}, **parts}


def test_a_digest_is_of_what_is_wanted_and_not_of_its_order_or_state() -> None:
    one, other = thing("a", spec={"replicas": 1}), thing("b", provisioner="local")
    busy = {**one, "status": {"readyReplicas": 0}, "metadata": {"name": "a", "resourceVersion": "2"}}

    assert digest([one, other], "x") == digest([other, busy], "x")


@pytest.mark.parametrize(
    "changed",
    [
        thing("a", spec={"replicas": 2}),
        thing("a", spec={"replicas": 1}, provisioner="nfs"),
        thing("c", spec={"replicas": 1}),
    ],
)
def test_a_digest_differs_when_what_is_wanted_does(changed: dict[str, Any]) -> None:
    assert digest([changed], "x") != digest([thing("a", spec={"replicas": 1})], "x")
    assert digest([changed], "x") != digest([changed], "y")
