"""`model schedule`, with an admin host that says what it was told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from installer.cli.commands.releases import show_models
from installer.engine.releases import model_state
from tests.unit.cli.admin_host import Admin, Run
from tests.unit.cli.test_releases import HEALTHY, WAITS, admin, run

__all__ = ["admin", "run"]
NOW = "2026-01-31T12:00:00Z"
SCHEDULE = {
    "engine": "llamacpp", "model": "tiny", "version": "1.1.0", "begins": "2026-02-01T01:00:00Z",
    "ends": "2026-02-01T01:05:00Z", "once": True, "who": "anna@desk", "reason": "tried", "alone": "", "made": NOW,
    "outcome": "open", "words": "",
}  # fmt: skip
AT = ("schedule", "tiny", "1.1.0", "--at", "2026-02-01T02:00", "--zone", "Europe/Berlin", "--reason", "tried")


def said(model: dict[str, Any]) -> dict[str, Any]:
    return {"said": {"model": model, "line": {}, "now": NOW}}


def test_who_schedules_reads_the_time_in_his_zone_in_utc_and_by_the_admin_hosts_clock(run: Run, admin: Admin) -> None:
    code, stdout, _ = run(*AT, says=(said(WAITS),))

    assert code == 0
    assert "tiny: 1.1.0 is to be let on from 2026-02-01 02:00+01:00, 2026-02-01T01:00:00Z in UTC." in stdout
    assert f"The admin host's clock decides; it says {NOW} now." in stdout
    assert admin.asked == [
        {
            "does": "schedule", "model": "tiny", "begins": "2026-02-01T01:00:00Z", "ends": "2026-02-01T01:05:00Z",
            "dry_run": False, "version": "1.1.0", "reason": "tried", "alone": "", "once": True,
        }
    ]  # fmt: skip


def test_a_version_that_is_not_being_released_is_told_of(run: Run) -> None:
    _, stdout, _ = run(*AT, says=(said(HEALTHY),))

    assert "That version is not being released yet: none is now." in stdout


def test_a_window_of_a_calendar_is_looked_at_until_its_end(run: Run, admin: Admin) -> None:
    code, _, _ = run("schedule", "tiny", "1.1.0", "--window", "0 2 * * sat", "--reason", "x", says=(said(WAITS),))

    assert (code, admin.asked[0]["once"]) == (0, False)
    assert admin.asked[0]["begins"].endswith("T02:00:00Z")


@pytest.mark.parametrize(
    "arguments",
    [
        ("schedule", "tiny", "1.1.0", "--reason", "x"),
        (*AT, "--window", "0 2 * * *"),
        ("schedule", "tiny", "--at", "2026-02-01T02:00", "--reason", "x"),
        ("schedule", "tiny", "1.1.0", "--at", "2026-02-01T02:00"),
        ("schedule", "tiny", "1.1.0", "--at", "tonight", "--reason", "x"),
        ("schedule", "tiny", "1.1.0", "--cancel", "--reason", "x"),
        ("schedule", "tiny", "--cancel"),
        ("schedule", "tiny", "--list"),
    ],
    ids=" ".join,
)
def test_what_is_not_said_well_is_refused_before_anybody_is_asked(
    run: Run, admin: Admin, arguments: tuple[str, ...]
) -> None:
    code, _, _ = run(*arguments)

    assert (code, admin.asked) == (2, [])


def test_all_schedules_are_listed_with_what_became_of_them(run: Run) -> None:
    missed = {**SCHEDULE, "outcome": "missed", "words": "Nobody looked."}

    code, stdout, _ = run("schedule", "--list", says=({"said": {"schedules": [missed, SCHEDULE], "now": NOW}},))

    assert code == 0
    assert [("missed" in line, "open" in line) for line in stdout.splitlines()[2:4]] == [(True, False), (False, True)]
    assert f"By the clock of the admin host it is {NOW}; all times are in UTC." in stdout


def test_a_list_is_a_document_for_programs(run: Run) -> None:
    _, stdout, _ = run("schedule", "--list", "-o", "json", says=({"said": {"schedules": [SCHEDULE], "now": NOW}},))

    assert json.loads(stdout) == {"schedules": [SCHEDULE], "now": NOW}


def test_who_cancels_reads_what_is_not_done_any_more(run: Run, admin: Admin) -> None:
    says = ({"said": {"schedule": SCHEDULE, "now": NOW}},)

    code, stdout, _ = run("schedule", "tiny", "--cancel", "--reason", "full", says=says)

    assert (code, stdout) == (0, "tiny: 1.1.0 is not let on at 2026-02-01T01:00:00Z any more.\n")
    assert admin.asked == [{"does": "cancel", "model": "tiny", "reason": "full", "dry_run": False}]


@pytest.mark.parametrize(
    ("changed", "end"),
    [
        ({}, "is to be let on at 2026-02-01T01:00:00Z, as anna@desk agreed"),
        ({"once": False}, "let on at 2026-02-01T01:00:00Z or later, until 2026-02-01T01:05:00Z, as anna@desk agreed"),
        ({"outcome": "refused", "words": "It is judged."}, "as anna@desk agreed, and was not (refused): It is judged."),
    ],
)
def test_status_says_what_is_scheduled_and_what_came_to_nothing(changed: dict[str, Any], end: str) -> None:
    shown = show_models([model_state({**WAITS, "schedule": {**SCHEDULE, **changed}})])

    line = shown.splitlines()[-1]
    assert line.startswith("tiny: 1.1.0 ")
    assert line.endswith(end)


def test_who_is_alone_says_so_to_the_admin_host(run: Run, admin: Admin) -> None:
    run("approve", "tiny", "--alone", "night duty", says=({"said": {"model": WAITS, "line": {}}},))

    assert admin.asked[0]["alone"] == "night duty"
