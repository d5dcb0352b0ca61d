"""Releases are agreed to and taken back only when that fits how they are."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused

from tests.unit.collection.release_site import ASKED, HEALTHY, JUDGED, LET_ON, OPEN, WAITS, Desk, Site
from tests.unit.collection.rollouts import JUDGED_AT_5, NEW, SMOKE, releasing, rollout, taken_back


def test_a_release_that_waits_for_a_person_goes_on_when_one_agrees(desk: Desk) -> None:
    site = Site(WAITS)

    done = desk.ask(site, "approve", reason="looked at the answers").act(dry=False)

    assert site.changes == [{"metadata": {"resourceVersion": "1042"}, "status": LET_ON}]
    assert done["model"]["release"]["hash"] == NEW
    (entry,) = desk.log.read()[0]
    assert {key: entry[key] for key in ("who", "login", "command", "engine", "model", "from", "to", "reason")} == {
        "who": "anna@desk",
        "login": "deploy",
        "command": "approve",
        "engine": "llamacpp",
        "model": "tiny",
        "from": "1.0.0",
        "to": "1.1.0",
        "reason": "looked at the answers",
    }


@pytest.mark.parametrize(
    ("site", "said", "hint"),
    [
        (Site(HEALTHY), "No release of tiny is under way: 1.0.0 has all requests.", "`llamacpp_models`"),
        (Site(taken_back()), "was taken back already: taken back by hand.", "`llamacpp_models`"),
        (Site(OPEN), "does not wait for a person: there is no verdict at 5 %", "--measure-again"),
        (Site(releasing(JUDGED_AT_5), JUDGED), "it is judged at 5 %: look 1 of 10", "--without-verdict"),
        (Site(releasing(SMOKE, 0), ASKED), "its golden prompt is asked", "goes on by itself"),
        (Site(releasing(0, 0)), "of 2 copies are ready", "goes on by itself"),
    ],
    ids=["healthy", "taken back", "no verdict", "judged", "asked", "starting"],
)
def test_nothing_is_agreed_to_that_waits_for_nobody(desk: Desk, site: Site, said: str, hint: str) -> None:
    with pytest.raises(Refused) as refused:
        desk.ask(site, "approve").act(dry=False)

    assert said in str(refused.value)
    assert hint in refused.value.hint
    assert (site.changes, desk.written()) == ([], [])


@pytest.mark.parametrize(
    ("site", "becomes"),
    [
        (Site(OPEN), {**LET_ON, "controllerPause": False, "currentStepIndex": JUDGED_AT_5 + 1}),
        (Site(releasing(JUDGED_AT_5), JUDGED), {**LET_ON, "currentStepIndex": JUDGED_AT_5 + 1}),
        (Site(WAITS), LET_ON),
    ],
    ids=["no verdict", "judged", "person"],
)
def test_without_a_verdict_a_release_goes_on_to_its_next_step(desk: Desk, site: Site, becomes: dict[str, Any]) -> None:
    desk.ask(site, "approve", without_verdict=True).act(dry=False)

    assert site.changed == [becomes]


def test_a_golden_prompt_is_never_passed_over(desk: Desk) -> None:
    with pytest.raises(Refused, match="golden prompt"):
        desk.ask(Site(releasing(SMOKE, 0), ASKED), "approve", without_verdict=True).act(dry=False)


def test_a_judgement_that_came_to_nothing_is_begun_anew(desk: Desk) -> None:
    site = Site(OPEN)

    desk.ask(site, "approve", measure_again=True).act(dry=False)

    assert site.changed == [LET_ON]


def test_only_a_judgement_that_came_to_nothing_is_begun_anew(desk: Desk) -> None:
    with pytest.raises(Refused, match="no judgement that came to nothing"):
        desk.ask(Site(WAITS), "approve", measure_again=True).act(dry=False)


@pytest.mark.parametrize(
    "found",
    [WAITS, OPEN, releasing(JUDGED_AT_5), releasing(0, 0)],
    ids=["person", "no verdict", "judged", "starting"],
)
def test_a_release_under_way_is_taken_back_from_wherever_it_is(desk: Desk, found: dict[str, Any]) -> None:
    site = Site(found)

    desk.ask(site, "rollback", reason="it answers in rhymes").act(dry=False)

    assert site.changed == [{"abort": True}]
    assert desk.written() == [("rollback", "1.1.0", "1.0.0")]


def test_without_a_release_nothing_is_taken_back_and_the_way_to_an_earlier_version_is_told(desk: Desk) -> None:
    with pytest.raises(Refused, match="No release of tiny is under way") as refused:
        desk.ask(Site(HEALTHY), "rollback").act(dry=False)

    assert "an earlier one too, put it into the inventory's `llamacpp_models`" in refused.value.hint
    assert "platform-install --only llamacpp" in refused.value.hint


def test_the_first_version_of_a_model_has_nothing_to_go_back_to(desk: Desk) -> None:
    first = rollout(stableRS=None, phase="Progressing")

    with pytest.raises(Refused, match="there is none to go back to"):
        desk.ask(Site(first), "rollback").act(dry=False)


@pytest.mark.parametrize("does", ["approve", "rollback", "look"])
def test_an_unknown_model_is_refused_with_those_there_are(desk: Desk, does: str) -> None:
    releases = desk.ask(Site(WAITS), does, model="tinny")

    with pytest.raises(Refused, match="No model tinny is served") as refused:
        releases.look() if does == "look" else releases.act(dry=False)

    assert refused.value.hint == "There are tiny."


def test_a_name_that_two_engines_serve_is_told_apart_by_the_engine(desk: Desk) -> None:
    site = Site(WAITS)
    site.objects["rollouts.argoproj.io", "other"] = rollout("tiny", namespace="vllm")
    engines = {"llamacpp": "llamacpp", "vllm": "vllm"}

    with pytest.raises(Refused) as refused:
        desk.ask(site, "approve", engines=engines).act(dry=False)
    done = desk.ask(site, "approve", engines=engines, model="llamacpp/tiny").act(dry=False)

    assert refused.value.hint == "Name it llamacpp/tiny or vllm/tiny."
    assert done["model"]["engine"] == "llamacpp"
