"""Verification of the router counts who answered."""

from __future__ import annotations

import pytest

from tests.repository import role_folder
from tests.role_programs import loaded

probe = loaded(role_folder("traffic_router") / "library/route_probe.py")


def answers(stable: int, canary: int) -> list[object]:
    return [probe.Answer(200, "stable", "stable")] * stable + [probe.Answer(200, "canary", "canary")] * canary


def test_answers_shared_as_weighed_are_right() -> None:
    assert list(probe.judge(answers(190, 10))) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (answers(200, 0), "the canary answered 0"),
        (answers(0, 200), "the canary answered 200"),
        (answers(100, 100), "the weights are 5 to 95"),
        ([*answers(190, 9), probe.Answer(503, "", "no available server")], "the status 503"),
        ([*answers(190, 9), probe.Answer(200, "stable", "canary")], "the release 'canary' says x-aip-track: 'stable'"),
        ([*answers(190, 9), probe.Answer(200, "", "canary")], "says x-aip-track: ''"),
    ],
    ids=["one track", "the other track", "halves", "nobody", "the wrong track", "no track"],
)
def test_answers_that_are_wrong_are_named(given: list[object], said: str) -> None:
    (found,) = probe.judge(given)

    assert said in found


def test_every_object_can_be_found_to_be_taken_away() -> None:
    made = probe.objects("probe", "image", "inference.example.com", "/way")

    kinds = {entry["kind"].lower() + "s" for entry in made}
    assert all(entry["metadata"]["labels"]["platform.internal/probe"] == "route" for entry in made)
    assert kinds == {kind.partition(".")[0] for kind in probe._KINDS.split(",")}
