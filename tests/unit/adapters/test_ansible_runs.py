"""What Ansible tells while it runs becomes results of steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from installer.model.events import StepChanged, TaskChanged, TaskEnded
from tests.ansible_stand_in import DEPLOY, OTHER, VERIFY, FakeAnsible, Told, begins, plays, task
from tests.fakes import RecordingReporter


def test_a_step_without_failures_is_good(run: Callable[..., Told]) -> None:
    told = run(FakeAnsible([begins(DEPLOY), task(), task()]), DEPLOY)

    assert (told["storage deploy"].ok, told["storage deploy"].changed) == (True, 0)


def test_what_changed_is_counted_over_tasks_and_hosts(run: Callable[..., Told]) -> None:
    events = [
        begins(DEPLOY),
        task(changed=True),
        task(host="b", changed=True),
        task(name="next"),
        task("failed", changed=True),
    ]

    told = run(FakeAnsible(events, "failed"), DEPLOY)

    assert told["storage deploy"].changed == 2


def test_each_play_is_a_step_of_its_own(run: Callable[..., Told]) -> None:
    events = [begins(DEPLOY), task(changed=True), begins(VERIFY), task("failed", msg="broken")]

    told = run(FakeAnsible(events, "failed"), DEPLOY, VERIFY)

    assert {name: result.ok for name, result in told.items()} == {"storage deploy": True, "storage verify": False}
    assert told["storage verify"].changed == 0


def test_what_never_began_because_of_a_failure_stays_untold(run: Callable[..., Told]) -> None:
    told = run(FakeAnsible([begins(DEPLOY), task("failed", msg="broken")], "failed"), DEPLOY, VERIFY)

    assert list(told) == ["storage deploy"]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (task("failed", msg="disk full"), "disk full"),
        (task("failed", stderr="said on stderr"), "said on stderr"),
        (
            task("failed", msg="non-zero return code", rc=1, cmd=["kubectl", "get"], stderr="no such thing"),
            "`kubectl get` ended with 1: no such thing",
        ),
        (task("unreachable", msg="timed out"), "The host does not answer: timed out"),
        (
            task("failed", msg="one item", results=[{"failed": False}, {"failed": True, "msg": "this item"}]),
            "this item",
        ),
        (task("failed", censored="hidden", msg="hunter2"), "it may hold a secret"),
        (task("failed", msg="x" * 9000), "x" * 4000),
    ],
    ids=["message", "stderr", "command", "unreachable", "item", "secret", "long"],
)
def test_a_failure_says_what_and_where(run: Callable[..., Told], event: dict[str, Any], message: str) -> None:
    told = run(FakeAnsible([begins(DEPLOY), event], "failed"), DEPLOY)

    (failure,) = told["storage deploy"].failures
    assert (failure.host, failure.task) == ("a", "work")
    assert message in failure.message
    assert "hunter2" not in failure.message
    assert len(failure.message) <= 4000


def test_evidence_comes_with_a_failure(run: Callable[..., Told]) -> None:
    told = run(FakeAnsible([begins(DEPLOY), task("failed", msg="m", evidence=["line 1", "line 2"])], "failed"), DEPLOY)

    assert told["storage deploy"].failures[0].evidence == ("line 1", "line 2")


def test_a_failure_that_the_role_expects_is_none(run: Callable[..., Told]) -> None:
    expected = task("failed", msg="expected")
    expected["event_data"]["ignore_errors"] = True

    told = run(FakeAnsible([begins(DEPLOY), expected]), DEPLOY)

    assert told["storage deploy"].ok


def test_the_slowest_tasks_come_first_with_the_slowest_host(run: Callable[..., Told]) -> None:
    events = [
        begins(DEPLOY),
        *(task(name=f"t{number}", seconds=number) for number in range(9)),
        task(name="t1", seconds=20),
    ]

    told = run(FakeAnsible(events), DEPLOY)

    assert [entry.task for entry in told["storage deploy"].slowest] == ["t1", "t8", "t7", "t6", "t5"]


def test_what_roles_report_is_kept_by_host(run: Callable[..., Told]) -> None:
    events = [
        begins(VERIFY),
        task(platform_report={"refused": "3"}),
        task(host="b", platform_report={"refused": "4"}),
        task(platform_report={"expires": "soon"}),
    ]

    told = run(FakeAnsible(events), VERIFY)

    assert told["storage verify"].results == {"a": {"refused": "3", "expires": "soon"}, "b": {"refused": "4"}}


def test_ansible_that_cannot_begin_fails_the_first_step_with_its_last_words(run: Callable[..., Told]) -> None:
    stdout = "\n".join(f"line {number}" for number in range(40)) + "\n\nERROR! no such inventory\n"

    told = run(FakeAnsible([], "failed", stdout), DEPLOY, VERIFY)

    (failure,) = told["storage deploy"].failures
    assert failure.message.endswith("ERROR! no such inventory")
    assert failure.message.count("\n") == 14
    assert list(told) == ["storage deploy"]


def test_ansible_that_stops_without_a_reason_fails_the_step_under_way(run: Callable[..., Told]) -> None:
    told = run(FakeAnsible([begins(DEPLOY), task()], "failed", "it crashed"), DEPLOY)

    assert told["storage deploy"].failures[0].message == "it crashed"


def test_a_later_step_is_not_blamed_for_an_earlier_failure(run: Callable[..., Told]) -> None:
    between = {"event": "playbook_on_play_start", "event_data": {"play": "Go on"}}
    events = [begins(OTHER), task("failed", msg="broken"), between, begins(VERIFY), task()]

    told = run(FakeAnsible(events, "failed", "PLAY RECAP"), OTHER, VERIFY)

    assert {name: result.ok for name, result in told.items()} == {"net verify": False, "storage verify": True}


def test_the_operator_is_told_as_it_goes(run: Callable[..., Told]) -> None:
    reporter = RecordingReporter()
    start = {"event": "playbook_on_task_start", "event_data": {"task": "work"}}

    run(FakeAnsible([begins(DEPLOY), start, task(changed=True)]), DEPLOY, reporter=reporter)

    assert [type(event) for event in reporter.events] == [StepChanged, TaskChanged, TaskEnded]


def test_no_event_is_kept_on_disk_for_it_may_hold_a_secret(run: Callable[..., Told]) -> None:
    ansible = FakeAnsible([begins(DEPLOY), task(), task("failed", msg="m")], "failed")

    run(ansible, DEPLOY)

    assert ansible.kept == [False, False, False]


def test_a_job_is_one_play_a_step(run: Callable[..., Told]) -> None:
    ansible = FakeAnsible()

    run(ansible, DEPLOY, VERIFY)

    assert [play["vars"] for play in plays(ansible)] == [
        {"component": "storage", "component_hosts": "all", "platform_verb": "deploy"},
        {"component": "storage", "component_hosts": "all", "platform_verb": "verify"},
    ]


def test_a_failed_verification_does_not_hide_the_next(run: Callable[..., Told]) -> None:
    ansible = FakeAnsible()

    run(ansible, OTHER, VERIFY)

    assert [task["ansible.builtin.meta"] for play in plays(ansible) for task in play.get("tasks", [])] == [
        "clear_host_errors"
    ]


@pytest.mark.parametrize(("limit", "given"), [("", None), ("cp1", "cp1")])
def test_a_run_keeps_to_the_hosts_it_is_told(run: Callable[..., Told], limit: str, given: str | None) -> None:
    ansible = FakeAnsible()

    run(ansible, DEPLOY, limit=limit)

    assert ansible.given["limit"] == given


def test_ansible_gets_the_projects_settings_and_the_sites(run: Callable[..., Told], tmp_path: Path) -> None:
    ansible = FakeAnsible()

    run(ansible, DEPLOY)

    environment = ansible.given["envvars"]
    assert environment["ANSIBLE_CONFIG"] == str(tmp_path / "project/ansible.cfg")
    assert environment["SITE"] == "1"


def test_what_an_earlier_run_left_is_gone(run: Callable[..., Told], tmp_path: Path) -> None:
    left = tmp_path / "runs/storage-deploy/artifacts/0/stdout"
    left.parent.mkdir(parents=True)
    left.write_text("an earlier run's last words")

    told = run(FakeAnsible([], "failed", "this run's"), DEPLOY)

    assert told["storage deploy"].failures[0].message == "this run's"
