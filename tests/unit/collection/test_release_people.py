"""Two look at a release: who released it and who agrees to it, as far as the log knows."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused
from ansible_collections.platform.base.plugins.module_utils.release_people import person, released_by

from tests.unit.collection.release_site import OPEN, WAITS, Desk, Site
from tests.unit.collection.rollouts import NEW, OLD, replica_set, rollout

APPLIED = ["argoproj.io/v1alpha1/Rollout/llamacpp/tiny"]
MADE = "2026-01-31T11:59:00Z"


def deployed(who: str, to: str, before: str = "1.0.0", **told: str) -> dict[str, Any]:
    return {"engine": "llamacpp", "model": "tiny", "command": "deploy", "who": who, "from": before, "to": to, **told}


def released(desk: Desk, who: str) -> Site:
    """Have somebody release 1.1.0, and return the cluster in which it waits for a person."""
    site = Site(WAITS)
    desk.ask(site, "note", objects=APPLIED, who=who).note()
    return site


def test_another_person_agrees_and_the_log_has_both(desk: Desk) -> None:
    site = released(desk, "anna@desk")

    desk.ask(site, "approve", who="boris@desk").act(dry=False)

    assert len(site.changes) == 1
    assert desk.log.read()[0][-1]["note"].endswith("gets everything. Released by anna@desk.")


@pytest.mark.parametrize("who", ["anna@desk", "anna@elsewhere", "root(anna)@desk", "Anna@desk"])
def test_who_released_does_not_agree_from_any_machine(desk: Desk, who: str) -> None:
    site = released(desk, "anna@desk")

    with pytest.raises(Refused, match=r"anna@desk released 1\.1\.0") as refused:
        desk.ask(site, "approve", who=who).act(dry=False)

    assert "--alone" in refused.value.hint
    assert (site.changes, len(desk.written())) == ([], 1)


def test_who_rehearses_hears_the_same(desk: Desk) -> None:
    with pytest.raises(Refused, match="the same person"):
        desk.ask(released(desk, "anna@desk"), "approve").act(dry=True)


def test_one_who_is_alone_says_why_and_the_log_keeps_it(desk: Desk) -> None:
    site = released(desk, "anna@desk")

    desk.ask(site, "approve", alone="nobody else is on duty").act(dry=False)

    assert len(site.changes) == 1
    assert "Released by anna@desk, the same person: nobody else is on duty." in desk.log.read()[0][-1]["note"]


def test_a_release_without_a_verdict_is_not_agreed_to_by_who_released_it(desk: Desk) -> None:
    desk.ask(Site(OPEN), "note", objects=APPLIED).note()

    with pytest.raises(Refused, match="the same person"):
        desk.ask(Site(OPEN), "approve", without_verdict=True).act(dry=False)


@pytest.mark.parametrize(
    ("asked", "site"),
    [
        (("rollback", {}), Site(WAITS)),
        (("approve", {"measure_again": True}), Site(OPEN)),
        (("approve", {"two_people": False}), Site(WAITS)),
    ],
    ids=["taken back", "measured again", "one person's site"],
)
def test_what_agrees_to_nothing_may_be_done_by_who_released(desk: Desk, asked: Any, site: Site) -> None:
    released(desk, "anna@desk")

    desk.ask(site, asked[0], **asked[1]).act(dry=False)

    assert len(site.changes) == 1


def test_where_the_log_does_not_know_who_released_anybody_agrees_and_that_is_noted(desk: Desk) -> None:
    desk.ask(Site(WAITS), "approve").act(dry=False)

    assert desk.log.read()[0][0]["note"].endswith("Who released it is not in the log.")


@pytest.mark.parametrize(
    ("entries", "who"),
    [
        ([], ""),
        ([deployed("anna@desk", "1.1.0")], "anna@desk"),
        # Boris ran the same inventory again.
        ([deployed("anna@desk", "1.1.0"), deployed("boris@desk", "1.1.0")], "anna@desk"),
        ([deployed("anna@desk", "1.1.0"), deployed("boris@desk", "1.2.0", "1.0.0")], ""),
        ([deployed("boris@desk", "1.0.0", ""), deployed("anna@desk", "1.1.0")], "anna@desk"),
        (
            [deployed("anna@desk", "1.1.0"), deployed("x", "1.1.0", command="rollback"), deployed("carl@c", "1.1.0")],
            "carl@c",
        ),
        ([deployed("anna@desk", "1.1.0", model="other"), deployed("boris@desk", "1.1.0", engine="vllm")], ""),
    ],
)
def test_who_brought_a_version_released_it(entries: list[dict[str, Any]], who: str) -> None:
    assert released_by(entries, "llamacpp", "tiny", "1.1.0") == who


@pytest.mark.parametrize(
    ("who", "account"), [("anna@desk", "anna"), ("root(anna)@desk", "anna"), ("anna", "anna"), (" Anna@x", "anna")]
)
def test_an_account_is_the_same_behind_sudo(who: str, account: str) -> None:
    assert person(who) == account


def site_of_the_first(created: str = MADE) -> Site:
    """Return a cluster whose controller calls the first version stable already."""
    found = rollout(version="1.0.0", stableRS=OLD, currentPodHash=OLD)
    found["metadata"]["creationTimestamp"] = created
    site = Site(found)
    site.objects = {
        ("rollouts.argoproj.io", "tiny"): found, ("replicasets.apps", "owned0"): replica_set(OLD, "1.0.0"),
    }  # fmt: skip
    return site


def test_the_first_version_follows_none_also_where_it_is_stable_at_once(desk: Desk) -> None:
    desk.ask(site_of_the_first(), "note", objects=APPLIED).note()

    assert desk.written() == [("deploy", "", "1.0.0")]


def test_another_run_of_the_first_version_follows_that(desk: Desk) -> None:
    for _ in range(2):
        desk.ask(site_of_the_first(), "note", objects=APPLIED).note()

    assert desk.written() == [("deploy", "", "1.0.0"), ("deploy", "1.0.0", "1.0.0")]


def test_a_model_that_was_taken_away_and_comes_again_has_a_first_version_again(desk: Desk) -> None:
    desk.ask(site_of_the_first(), "note", objects=APPLIED).note()
    desk.ask(site_of_the_first("2026-01-31T12:00:30Z"), "note", objects=APPLIED).note()

    assert [before for _, before, _ in desk.written()] == ["", ""]


def test_a_log_that_is_younger_than_a_model_takes_no_later_version_for_the_first(desk: Desk) -> None:
    site = Site(WAITS)
    site.objects["replicasets.apps", "owned1"] = replica_set(NEW, "1.1.0")

    desk.ask(site, "note", objects=APPLIED).note()

    assert desk.written() == [("deploy", "1.0.0", "1.1.0")]
