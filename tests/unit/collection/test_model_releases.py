"""Nothing is done to a release without a line in the log, nor to one that became another meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditFailed
from ansible_collections.platform.base.plugins.module_utils.kubectl import KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused

from tests.unit.collection.release_site import LET_ON, WAITS, Desk, Site
from tests.unit.collection.rollouts import LAST_PAUSE, releasing, rollout, taken_back


def test_who_rehearses_changes_nothing_and_leaves_no_line(desk: Desk) -> None:
    site = Site(WAITS)

    done = desk.ask(site, "approve").act(dry=True)

    assert done["model"]["waits_for"] == "person"
    assert (site.changes, Path(desk.log.path).parent.exists()) == ([], False)


def test_a_release_that_others_change_meanwhile_is_judged_again(desk: Desk) -> None:
    site = Site(WAITS, conflicts=2)

    desk.ask(site, "approve").act(dry=False)

    assert site.changed == [LET_ON]
    assert len(desk.written()) == 1


def test_a_release_that_ended_meanwhile_is_left_alone_and_the_log_says_so(desk: Desk) -> None:
    site = Site(WAITS, conflicts=1)
    site.each_wait = lambda: site.objects.update({("rollouts.argoproj.io", "tiny"): taken_back()})

    with pytest.raises(Refused, match="was taken back already"):
        desk.ask(site, "approve").act(dry=False)

    assert site.changes == []
    assert [command for command, *_ in desk.written()] == ["approve", "approve failed"]


def test_what_the_cluster_does_not_take_is_in_the_log_as_not_done(desk: Desk) -> None:
    with pytest.raises(KubectlFailed, match="is forbidden"):
        desk.ask(Site(WAITS, says="it is forbidden"), "rollback", reason="bad").act(dry=False)

    assert "It was not done" in desk.log.read()[0][1]["note"]


def test_what_cannot_be_written_down_is_not_done(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(WAITS)
    monkeypatch.setattr(os, "write", lambda to, data: 0)

    with pytest.raises(AuditFailed):
        desk.ask(site, "approve").act(dry=False)

    assert site.changes == []


def test_a_change_that_the_controller_has_not_seen_is_waited_for(desk: Desk) -> None:
    site = Site({**WAITS, "metadata": {**WAITS["metadata"], "generation": 5}})
    site.each_wait = lambda: site.objects.update({("rollouts.argoproj.io", "tiny"): WAITS})

    desk.ask(site, "approve").act(dry=False)

    assert site.changed == [LET_ON]


def test_a_controller_that_sees_nothing_is_told_of(desk: Desk) -> None:
    with pytest.raises(Refused, match="has not seen the last change") as refused:
        desk.ask(Site(rollout(observedGeneration="3")), "rollback").act(dry=False)

    assert "--only argo_rollouts" in refused.value.hint


def test_a_look_waits_until_something_is_otherwise(desk: Desk) -> None:
    site = Site(WAITS)
    before = desk.ask(site, "look").look()["seen"]
    site.each_wait = lambda: site.objects.update({("rollouts.argoproj.io", "tiny"): releasing(LAST_PAUSE + 1, 100)})

    found = desk.ask(site, "look", other_than=before).look()

    assert found["models"][0]["phase"] == "Progressing"
    assert found["seen"] != before


def test_a_look_at_what_stays_as_it_is_ends_when_its_time_is_over(desk: Desk) -> None:
    site = Site(WAITS)
    before = desk.ask(site, "look").look()["seen"]

    assert desk.ask(site, "look", other_than=before, seconds=4).look()["seen"] == before


def test_a_release_that_somebody_took_back_says_who_and_why(desk: Desk) -> None:
    site = Site(WAITS)
    desk.ask(site, "rollback", reason="it answers in rhymes").act(dry=False)
    site.objects["rollouts.argoproj.io", "tiny"] = taken_back()

    (told,) = desk.ask(site, "look").look()["models"]

    assert told["words"] == "taken back by anna@desk: it answers in rhymes"


def test_a_run_that_releases_leaves_a_line_for_each_model(desk: Desk) -> None:
    site = Site(rollout(observedGeneration="3"))
    applied = ["v1/Service/llamacpp/tiny", "argoproj.io/v1alpha1/Rollout/llamacpp/tiny"]

    desk.ask(site, "note", objects=applied).note()
    desk.ask(site, "note", objects=applied[:1]).note()

    assert desk.written() == [("deploy", "1.0.0", "1.1.0")]


def test_the_first_version_that_a_run_releases_follows_none(desk: Desk) -> None:
    new = rollout(version="1.0.0")
    del new["status"]

    desk.ask(Site(new), "note", objects=["argoproj.io/v1alpha1/Rollout/llamacpp/tiny"]).note()

    assert desk.written() == [("deploy", "", "1.0.0")]
