"""Verification of the router counts who answered."""

from __future__ import annotations

import http.client

import pytest
from ansible_collections.platform.base.plugins.module_utils import trial_route
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl
from ansible_collections.platform.base.plugins.module_utils.web_door import Answer, NoAnswer

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
    made = trial_route.objects("probe", "image", "inference.example.com", "/way")

    kinds = {entry["kind"].lower() + "s" for entry in made}
    assert all(entry["metadata"]["labels"]["platform.internal/probe"] == "route" for entry in made)
    assert kinds == {kind.partition(".")[0] for kind in trial_route.KINDS.split(",")}


class Door:
    """Refuses at first, as an address does that nobody answers for yet."""

    def __init__(self, refused: int) -> None:
        self.refused = refused

    def request(self, *_: object) -> Answer:
        if self.refused:
            self.refused -= 1
            raise NoAnswer("connection refused")
        return Answer(404, http.client.HTTPMessage(), b"")


def test_a_door_that_opens_in_time_is_waited_for() -> None:
    door = Door(refused=3)

    probe.await_answers(Kubectl("/x", pause=lambda _: None), door, "/", 60)

    assert door.refused == 0


def test_a_door_that_stays_shut_is_told_with_what_it_said() -> None:
    with pytest.raises(probe.Wrong, match="connection refused"):
        probe.await_answers(Kubectl("/x", pause=lambda _: None), Door(refused=9), "/", 0)


def test_a_status_that_is_not_the_wanted_one_is_told() -> None:
    with pytest.raises(probe.Wrong, match="the status 404"):
        probe.await_answers(Kubectl("/x", pause=lambda _: None), Door(refused=0), "/", 0, wanted=200)


GIVEN = {"requests": 9, "seconds": 60}


class Moving:
    """Cuts off requests, as an address does that moves to another host."""

    def __init__(self, *cut_off: int) -> None:
        self.cut_off, self.asked = cut_off, 0

    def request(self, *_: object) -> Answer:
        self.asked += 1
        if self.asked in self.cut_off:
            raise NoAnswer("connection reset by peer")
        return Answer(200, http.client.HTTPMessage(), b"stable")


def test_what_a_move_of_the_address_cuts_off_is_asked_again_and_counted() -> None:
    answers, cut_off = probe.asked(Kubectl("/x", pause=lambda _: None), GIVEN, Moving(3, 4), "/")

    assert (len(answers), cut_off) == (9, 1)


def test_requests_that_are_cut_off_again_and_again_are_a_fault() -> None:
    with pytest.raises(NoAnswer, match="reset"):
        probe.asked(Kubectl("/x", pause=lambda _: None), GIVEN, Moving(1, 4, 7), "/")
