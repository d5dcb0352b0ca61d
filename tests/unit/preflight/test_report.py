from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from installer.engine.preflight import findings_of, preflight_step, worth_a_look
from installer.errors import ExitCode
from installer.model.component import Component, Description, Layer
from installer.model.events import Warned
from installer.model.inventory import Host, Inventory
from installer.model.plan import Change, Job, Plan, PlannedComponent, Step, StepResult, TaskFailure
from installer.model.preflight import Finding, Severity
from installer.ports import Reporter, StepEnded
from installer.workflows.preflight import failure_of, look, warn
from tests.fakes import RecordingReporter

_STEP = Step("Hosts", "preflight", "all")
_PROBLEM = {"check": "cpu_count", "host": "node1", "severity": "failure", "message": "has 1.", "cure": "Give it more."}


def _result(*problems: Mapping[str, str], failures: tuple[TaskFailure, ...] = ()) -> StepResult:
    return StepResult(
        ok=not failures, changed=0, seconds=1.0, failures=failures, results={"node1": {"preflight": problems}}
    )


def _component(name: str, runs_on: str, preflight_on: str | None = None) -> Component:
    return Component(name, Description(name, Layer.HOST, runs_on, preflight_on=preflight_on), frozenset({"preflight"}))


def _inventory(**groups: str) -> Inventory:
    hosts = {name: Host(name, frozenset({group}), {}) for group, name in groups.items()}
    return Inventory("test", Path("test"), hosts, {})


class _Runner:
    """Ends every step with one result, or none."""

    def __init__(self, result: StepResult | None) -> None:
        self.result = result
        self.variables: Mapping[str, Any] = {}

    def run(self, job: Job, variables: Mapping[str, Any], ended: StepEnded, reporter: Reporter) -> None:
        self.variables = variables
        for step in job.steps if self.result else ():
            assert self.result is not None
            ended(step, self.result)

    def stop(self) -> None:
        raise AssertionError("Nothing was to be stopped.")


def test_hosts_of_all_components_are_looked_at_once() -> None:
    components = [_component("a", "admin"), _component("b", "control_plane:admin"), _component("c", "admin", "worker")]

    step = preflight_step(components, _inventory(admin="admin1", control_plane="node1", worker="node2"))

    assert step == Step("Hosts", "preflight", "admin:control_plane:worker")


def test_a_component_of_all_hosts_makes_the_others_needless() -> None:
    step = preflight_step([_component("a", "admin"), _component("b", "all")], _inventory(admin="admin1"))

    assert step is not None and step.hosts == "all"


def test_without_hosts_there_is_nothing_to_look_at() -> None:
    assert preflight_step([_component("a", "worker")], _inventory(admin="admin1")) is None


def test_what_stands_or_was_begun_is_not_looked_at_again() -> None:
    changes = {"a": Change.INSTALL, "b": Change.UNCHANGED, "c": Change.RESUME, "d": Change.UPGRADE, "e": Change.REMOVE}
    plan = Plan(tuple(PlannedComponent(name, change, "", (), "") for name, change in changes.items()), ())

    assert worth_a_look(plan) == ("a", "d")


def test_a_problem_two_components_find_is_told_once() -> None:
    findings = findings_of(_STEP, _result({**_PROBLEM, "component": "a"}, {**_PROBLEM, "component": "b"}))

    assert [(finding.host, finding.check, finding.component) for finding in findings] == [("node1", "cpu_count", "a")]


def test_failures_are_told_first() -> None:
    warning = {**_PROBLEM, "check": "time_zone_equal", "severity": "warning", "host": "a-host"}

    findings = findings_of(_STEP, _result(warning, _PROBLEM))

    assert [finding.severity for finding in findings] == [Severity.FAILURE, Severity.WARNING]


def test_a_host_that_does_not_answer_is_a_failure_beside_the_others() -> None:
    result = _result(_PROBLEM, failures=(TaskFailure("node2", "ask", "The host does not answer: No route to host"),))

    report = look(_STEP, ["a"], _Runner(result), {}, RecordingReporter())

    assert [(finding.host, finding.check) for finding in report.findings] == [
        ("node1", "cpu_count"),
        ("node2", "looked_at"),
    ]


def test_a_look_that_never_began_is_no_pass() -> None:
    assert not look(_STEP, ["a"], _Runner(None), {}, RecordingReporter()).ok


def test_hosts_report_instead_of_failing_when_all_is_collected() -> None:
    runner = _Runner(_result())

    report = look(_STEP, ["a", "b"], runner, {"platform_bundle": "/media"}, RecordingReporter())

    assert report.ok
    assert runner.variables == {
        "platform_bundle": "/media",
        "platform_preflight_collect": True,
        "preflight_components": ["a", "b"],
    }


def test_the_error_lists_host_check_finding_and_cure() -> None:
    error = failure_of(look(_STEP, ["a"], _Runner(_result(_PROBLEM)), {}, RecordingReporter()))

    assert error is not None and error.exit_code is ExitCode.PREFLIGHT
    assert error.details == ("node1: has 1. [cpu_count] Give it more.",)


def test_warnings_and_what_is_accepted_stop_nothing() -> None:
    accepted = {**_PROBLEM, "check": "memory_size", "severity": "accepted", "reason": "A test."}
    listener = RecordingReporter()

    report = look(_STEP, ["a"], _Runner(_result({**_PROBLEM, "severity": "warning"}, accepted)), {}, listener)
    warn(report, listener)

    assert failure_of(report) is None
    assert listener.of(Warned) == [Warned("node1 has 1. Give it more.")]


def test_what_was_found_before_any_host_was_asked_is_told_first() -> None:
    here = Finding("this machine", "given_files", Severity.FAILURE, "has no file.", "Put it there.")

    report = look(_STEP, ["a"], _Runner(_result(_PROBLEM)), {}, RecordingReporter(), [here])

    assert not report.ok
    assert [finding.check for finding in report.findings] == ["given_files", "cpu_count"]
