"""Hosts are asked once for several components, and each component is told of by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from installer.adapters.ansible_runs import AnsibleRunner
from installer.model.plan import Job, Step
from tests.ansible_stand_in import DEPLOY, VERIFY, FakeAnsible, Told, begins, plays, task
from tests.fakes import RecordingReporter

CHECKED = [Step("disk", "verify", "all", checks_only=True), Step("clock", "verify", "admin", checks_only=True)]
QUESTION = {"event": "playbook_on_play_start", "event_data": {"play": "Checks of several components"}}


def share(*problems: str, seconds: float = 1.0, **report: str) -> dict[str, Any]:
    return {"problems": list(problems), "seconds": seconds, "platform_report": report}


def test_hosts_are_asked_once_for_what_is_checks_alone(run: Callable[..., Told]) -> None:
    events = [
        QUESTION,
        task(host="a", components={"disk": share(seconds=2.0, room="much"), "clock": share(seconds=0.5)}),
        task("failed", host="b", msg="all", components={"disk": share("it is full. Empty it.", "it is slow.")}),
        begins(VERIFY),
        task(),
    ]
    ansible = FakeAnsible(events, "failed")

    told = run(ansible, *CHECKED, VERIFY)

    assert {name: result.ok for name, result in told.items()} == {
        "disk verify": False,
        "clock verify": True,
        "storage verify": True,
    }
    (failure,) = told["disk verify"].failures
    assert (failure.host, failure.message) == ("b", "it is full. Empty it.\nit is slow.")
    assert (told["disk verify"].seconds, told["clock verify"].seconds) == (2.0, 0.5)
    assert told["disk verify"].results["a"] == {"room": "much"}
    question, _, other = plays(ansible)
    assert (question["hosts"], [role["role"] for role in question["roles"]]) == ("all:admin", ["disk", "clock"])
    assert other["vars"]["component"] == "storage"


def test_nobody_is_blamed_for_what_another_failed_by(run: Callable[..., Told]) -> None:
    shares = {"disk": share("it is full."), "clock": share()}

    told = run(FakeAnsible([QUESTION, task("failed", msg="all", components=shares)], "failed", "PLAY"), *CHECKED)

    assert {name: result.ok for name, result in told.items()} == {"disk verify": False, "clock verify": True}


def test_a_host_that_was_set_up_anew_is_told_apart(run: Callable[..., Told]) -> None:
    bare = {**share("Nothing is on this host."), "bare": True}
    events = [
        QUESTION,
        task("failed", host="a", msg="all", components={"disk": bare}),
        task("failed", host="b", msg="all", components={"disk": share("it is full.")}),
    ]

    told = run(FakeAnsible(events, "failed", "PLAY"), *CHECKED)

    assert [(failure.host, failure.bare) for failure in told["disk verify"].failures] == [("a", True), ("b", False)]


def test_a_host_that_does_not_answer_is_asked_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, clock = CHECKED
    runs = [
        FakeAnsible([QUESTION, task("unreachable", host="b", msg="no route"), begins(VERIFY), task()], "failed"),
        FakeAnsible([begins(disk), task("unreachable", host="b", msg="no route"), begins(clock), task()], "failed"),
    ]
    waiting = iter(runs)
    monkeypatch.setattr("ansible_runner.run", lambda **given: next(waiting)(**given))
    told: Told = {}
    runner = AnsibleRunner(tmp_path / "project", tmp_path / "inventory", tmp_path / "runs", {})

    runner.run(Job((*CHECKED, VERIFY)), {}, lambda step, result: told.update({step.name: result}), RecordingReporter())

    assert {name: result.ok for name, result in told.items()} == {
        "disk verify": False,
        "clock verify": True,
        "storage verify": True,
    }
    assert told["disk verify"].failures[0].message == "The host does not answer: no route"


def test_a_run_that_never_asked_blames_what_it_was_to_ask_for(run: Callable[..., Told]) -> None:
    told = run(FakeAnsible([QUESTION], "failed", stdout="ERROR! no such role"), *CHECKED)

    assert {name: result.ok for name, result in told.items()} == {"disk verify": False, "clock verify": False}
    assert "no such role" in told["disk verify"].failures[0].message


def test_who_only_verifies_skips_what_deployments_asked_for(run: Callable[..., Told]) -> None:
    verifies, deploys = FakeAnsible([begins(VERIFY), task()]), FakeAnsible([begins(DEPLOY), task()])

    run(verifies, VERIFY)
    run(deploys, DEPLOY, VERIFY)

    assert verifies.given["skip_tags"] == "always,platform_variables"
    assert deploys.given["skip_tags"] is None
