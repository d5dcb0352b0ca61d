"""An approval for a later time is carried out then, if the release can be let on; if not, the log says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.kubectl import KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.moments import from_moment
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused
from ansible_collections.platform.base.plugins.module_utils.release_timetable import Timetable

from tests.unit.collection.release_site import HEALTHY, JUDGED, LET_ON, OPEN, WAITS, Desk, Silent, Site
from tests.unit.collection.rollouts import JUDGED_AT_5, NEW, releasing, replica_set, taken_back

TINY = ("rollouts.argoproj.io", "tiny")
APPLIED = ["argoproj.io/v1alpha1/Rollout/llamacpp/tiny"]
BEFORE, BEGINS, WITHIN, ENDS, LATE = (
    f"2026-02-01T{time}Z" for time in ("00:00:00", "01:00:00", "01:02:00", "01:05:00", "01:06:00")
)


def ready(found: dict[str, Any], *beside: dict[str, Any]) -> Site:
    """Return a cluster in which both copies of the release are ready."""
    site = Site(found, *beside)
    site.objects["replicasets.apps", "owned1"] = replica_set(NEW, "1.1.0", ready=2)
    return site


def table(desk: Desk, site: Site, now: str, **asked: Any) -> Timetable:
    given = {
        "engines": {"llamacpp": "llamacpp"}, "model": "tiny", "version": "1.1.0", "who": "boris@desk",
        "reason": "tried", "alone": "", "two_people": True, "begins": BEGINS, "ends": ENDS, "once": True, **asked,
    }  # fmt: skip
    return Timetable(site, desk.log, given, "deploy", lambda: from_moment(now))


def scheduled(desk: Desk, **asked: Any) -> None:
    table(desk, Site(HEALTHY), BEFORE, **asked).schedule(dry=False)


def carried_out(desk: Desk, site: Site, now: str) -> list[str]:
    return table(desk, site, now).carry_out()


def last(desk: Desk) -> dict[str, Any]:
    entries, verdict = desk.log.read()
    assert verdict.broken is None
    return entries[-1]


def status(desk: Desk, site: Site) -> dict[str, Any] | None:
    (told,) = desk.ask(site, "look").look()["models"]
    found: dict[str, Any] | None = told["schedule"]
    return found


def test_an_approval_for_later_is_written_down_with_who_why_and_when(desk: Desk) -> None:
    said = table(desk, Site(HEALTHY), BEFORE).schedule(dry=False)

    line = last(desk)
    wanted = {
        "command": "schedule", "who": "boris@desk", "login": "deploy", "reason": "tried", "engine": "llamacpp",
        "model": "tiny", "from": "1.0.0", "to": "1.1.0", "begins": BEGINS, "ends": ENDS,
    }  # fmt: skip
    assert {key: line[key] for key in wanted} == wanted
    assert said["now"] == BEFORE


def test_who_rehearses_schedules_nothing(desk: Desk) -> None:
    table(desk, Site(HEALTHY), BEFORE).schedule(dry=True)

    assert not Path(desk.log.path).exists()


def test_a_release_is_let_on_when_its_time_has_come_by_who_agreed(desk: Desk) -> None:
    scheduled(desk)
    site = ready(WAITS)

    told = carried_out(desk, site, BEGINS)

    assert (told, site.changed) == (["llamacpp/tiny: 1.1.0 was let on, as boris@desk had scheduled"], [LET_ON])
    line = last(desk)
    assert (line["command"], line["who"], line["login"], line["reason"]) == ("approve", "boris@desk", "timer", "tried")
    assert status(desk, site) is None


def test_it_is_done_once(desk: Desk) -> None:
    scheduled(desk)
    site = ready(WAITS)

    for now in (BEGINS, WITHIN, LATE):
        carried_out(desk, site, now)

    assert len(site.changed) == 1
    assert [command for command, *_ in desk.written()] == ["schedule", "approve"]


def test_before_its_time_nothing_is_done(desk: Desk) -> None:
    scheduled(desk)
    site = ready(WAITS)

    assert (carried_out(desk, site, "2026-02-01T00:59:59Z"), site.changed) == ([], [])


def test_what_was_missed_is_not_caught_up_and_said(desk: Desk) -> None:
    scheduled(desk)
    site = ready(WAITS)

    told = carried_out(desk, site, LATE)

    assert "schedule missed" in told[0]
    assert site.changed == []
    found = status(desk, site)
    assert found is not None
    assert (found["outcome"], "It is not caught up." in found["words"]) == ("missed", True)


@pytest.mark.parametrize(
    ("site", "why"),
    [
        (ready(releasing(JUDGED_AT_5), JUDGED), "it is judged at 5 %"),
        (ready(OPEN), "there is no verdict at 5 %"),
        (ready(taken_back()), "was taken back already"),
        (ready(HEALTHY), "No release of tiny is under way"),
        (Site(WAITS), "1 of 2 copies of the release 1.1.0 of tiny are ready."),
    ],
    ids=["judged", "no verdict", "taken back", "none", "copies"],
)
def test_a_release_that_cannot_be_let_on_at_its_moment_is_refused_with_the_reason(
    desk: Desk, site: Site, why: str
) -> None:
    scheduled(desk)

    carried_out(desk, site, BEGINS)

    assert site.changed == []
    found = status(desk, site)
    assert found is not None
    assert (found["outcome"], why in found["words"]) == ("refused", True)
    assert last(desk)["command"] == "schedule refused"


def test_another_version_than_was_agreed_to_is_not_let_on(desk: Desk) -> None:
    scheduled(desk, version="1.2.0")
    site = ready(WAITS)

    carried_out(desk, site, BEGINS)

    assert site.changed == []
    assert "The release under way is 1.1.0 of tiny, and not 1.2.0." in last(desk)["note"]


def test_in_a_window_what_may_still_come_is_waited_for_and_let_on(desk: Desk) -> None:
    scheduled(desk, once=False)
    judged, site = ready(releasing(JUDGED_AT_5), JUDGED), ready(WAITS)

    waited = carried_out(desk, judged, BEGINS)
    carried_out(desk, site, WITHIN)

    assert (waited, judged.changed, site.changed) == ([], [], [LET_ON])


def test_at_the_end_of_a_window_what_did_not_come_is_refused(desk: Desk) -> None:
    scheduled(desk, once=False)

    carried_out(desk, ready(releasing(JUDGED_AT_5), JUDGED), "2026-02-01T01:04:00Z")

    assert (last(desk)["command"], "it is judged" in last(desk)["note"]) == ("schedule refused", True)


def test_in_a_window_what_cannot_come_is_refused_at_once(desk: Desk) -> None:
    scheduled(desk, once=False)

    carried_out(desk, ready(taken_back()), BEGINS)

    assert last(desk)["command"] == "schedule refused"


@pytest.mark.parametrize("once", [True, False])
def test_a_cluster_that_does_not_answer_is_asked_again_until_the_end(desk: Desk, once: bool) -> None:
    scheduled(desk, once=once)

    first = carried_out(desk, Silent(WAITS), BEGINS)
    carried_out(desk, Silent(WAITS), "2026-02-01T01:04:00Z")

    assert first == []
    assert (last(desk)["command"], "did not answer" in last(desk)["note"]) == ("schedule refused", True)


def test_a_cluster_that_does_not_take_it_is_in_the_log_as_not_done(desk: Desk) -> None:
    scheduled(desk)
    site = ready(WAITS)
    site._says = "it is forbidden"

    told = carried_out(desk, site, BEGINS)

    assert "it is forbidden" in told[0]
    assert [command for command, *_ in desk.written()] == ["schedule", "approve", "approve failed"]
    found = status(desk, site)
    assert found is not None
    assert found["outcome"] == "failed"
    assert carried_out(desk, site, WITHIN) == []


def test_nothing_is_let_on_by_a_log_that_is_not_what_was_written(desk: Desk) -> None:
    scheduled(desk)
    path = Path(desk.log.path)
    path.write_bytes(path.read_bytes().replace(b"1.1.0", b"1.1.1"))
    site = ready(WAITS)

    told = carried_out(desk, site, BEGINS)

    assert "is not what was written" in told[0]
    assert site.changed == []


def test_who_released_does_not_schedule_it_and_not_later_either(desk: Desk) -> None:
    scheduled(desk)
    site = ready(WAITS)
    desk.ask(site, "note", objects=APPLIED, who="boris@elsewhere").note()

    carried_out(desk, site, BEGINS)

    assert site.changed == []
    assert "boris@elsewhere released 1.1.0" in last(desk)["note"]
    with pytest.raises(Refused, match="the same person"):
        table(desk, site, BEFORE).schedule(dry=False)


def test_one_who_is_alone_schedules_what_he_released(desk: Desk) -> None:
    site = ready(WAITS)
    desk.ask(site, "note", objects=APPLIED, who="boris@desk").note()
    table(desk, site, BEFORE, alone="night duty").schedule(dry=False)

    carried_out(desk, site, BEGINS)

    assert site.changed == [LET_ON]
    assert "the same person: night duty." in last(desk)["note"]


@pytest.mark.parametrize(
    ("asked", "now", "said"),
    [
        ({}, BEGINS, "is over: by the clock of the admin host it is 2026-02-01T01:00:00Z"),
        ({"model": "tinny"}, BEFORE, "No model tinny is served"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(desk: Desk, asked: dict[str, Any], now: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        table(desk, Site(HEALTHY), now, **asked).schedule(dry=False)

    assert desk.written() == []


def test_a_model_has_one_schedule_until_that_is_cancelled(desk: Desk) -> None:
    scheduled(desk)
    with pytest.raises(Refused, match="is scheduled for 2026-02-01T01:00:00Z already, by boris@desk"):
        scheduled(desk)

    table(desk, Site(HEALTHY), BEFORE, who="anna@desk", reason="the ward is full").cancel(dry=False)
    scheduled(desk, begins="2026-02-01T01:01:00Z")
    site = ready(WAITS)
    early = carried_out(desk, site, BEGINS)

    found = table(desk, site, BEFORE).listed()["schedules"]
    assert [(one["outcome"], one["begins"]) for one in found] == [
        ("cancelled", BEGINS),
        ("open", "2026-02-01T01:01:00Z"),
    ]
    assert (early, site.changed) == ([], [])
    entries, _ = desk.log.read()
    assert (entries[1]["who"], entries[1]["reason"]) == ("anna@desk", "the ward is full")


def test_nothing_is_cancelled_where_nothing_is_scheduled(desk: Desk) -> None:
    with pytest.raises(Refused, match="No approval of tiny is scheduled"):
        table(desk, Site(HEALTHY), BEFORE).cancel(dry=False)


def test_status_shows_what_is_to_come_and_what_failed_until_something_else_happens(desk: Desk) -> None:
    site = ready(WAITS)
    before = status(desk, site)
    scheduled(desk)
    coming = status(desk, site)
    carried_out(desk, ready(OPEN), BEGINS)
    refused = status(desk, site)
    desk.ask(site, "approve", who="carl@desk").act(dry=False)

    assert coming is not None
    assert refused is not None
    assert (before, coming["outcome"], refused["outcome"], status(desk, site)) == (None, "open", "refused", None)


def test_a_silent_cluster_is_no_refusal_of_an_operators_schedule(desk: Desk) -> None:
    with pytest.raises(KubectlFailed):
        table(desk, Silent(HEALTHY), BEFORE).schedule(dry=False)
