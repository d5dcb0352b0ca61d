"""What a run tells, writes down and leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from installer.errors import ComponentFailed, VerificationFailed
from installer.model.events import RunEnded, RunPlanned, StepChanged, StepFailed, StepStatus
from installer.model.plan import Change, Job, Plan, Step, StepResult, TaskFailure
from installer.ports import Reporter, StepEnded
from installer.workflows.install import Crew, carry_out, failure_of
from tests.fakes import (
    BAD,
    MemoryJournal,
    RecordingEvidence,
    RecordingReporter,
    ScriptedRunner,
    answering,
    catalog,
    component,
    failed,
    plan_of,
)


def crew(runner: ScriptedRunner, journal: MemoryJournal, evidence: RecordingEvidence | None = None) -> Crew:
    known = catalog(component("base", namespace="kube-system"), component("api"))
    return Crew(runner, journal, RecordingReporter(), answering(True), {}, 2, evidence, known)


class InterruptedRunner(ScriptedRunner):
    """Is interrupted in the middle of its first step."""

    def run(self, job: Job, variables: Mapping[str, Any], ended: StepEnded, reporter: Reporter) -> None:
        raise KeyboardInterrupt


class PatientRunner(ScriptedRunner):
    """Waits, in its last job, until it is stopped; what is cut off has no result."""

    def __init__(self, results: Mapping[str, StepResult], waits: str) -> None:
        super().__init__(results)
        self._waits = waits
        self._stopped = threading.Event()

    def run(self, job: Job, variables: Mapping[str, Any], ended: StepEnded, reporter: Reporter) -> None:
        if job.steps[0].name == self._waits:
            assert self._stopped.wait(30), "Nobody stops what waits for what is not there."
            return
        super().run(job, variables, ended, reporter)

    def stop(self) -> None:
        super().stop()
        self._stopped.set()


def test_a_host_that_was_set_up_anew_ends_what_waits_for_it() -> None:
    bare = StepResult(ok=False, changed=0, seconds=1.0, failures=(TaskFailure("cp1", "verify", "Bare.", bare=True),))
    runner = PatientRunner({"base verify": bare}, waits="api verify")
    plan = Plan((), (Step("base", "verify", "cp1"), Step("api", "verify", "cp1")))

    report = carry_out("site", "bundle", "install", plan, {}, crew(runner, MemoryJournal()))

    assert report.bare_hosts == ("cp1",)
    assert set(report.steps) == {"base verify"}
    assert not report.ok


def test_a_run_tells_its_steps_first_and_its_end_last() -> None:
    team = crew(ScriptedRunner(), MemoryJournal())

    carry_out("site", "bundle", "install", plan_of("base"), {}, team)

    reporter = team.reporter
    assert isinstance(reporter, RecordingReporter)
    assert reporter.of(RunPlanned) == [RunPlanned("install", ("base deploy", "base verify"))]
    assert reporter.of(RunEnded)[0].outcome == "good"
    assert isinstance(reporter.events[-1], RunEnded)


def test_a_failure_is_told_at_once_with_its_host_and_message() -> None:
    team = crew(ScriptedRunner({"base deploy": failed("No space.", host="cp2")}), MemoryJournal())

    carry_out("site", "bundle", "install", plan_of("base"), {}, team)

    reporter = team.reporter
    assert isinstance(reporter, RecordingReporter)
    assert reporter.of(StepFailed) == [StepFailed("base deploy", "cp2", "deploy | Start it", "No space.")]
    assert StepChanged("base deploy", StepStatus.FAILED, 1.0, 0) in reporter.events


def test_what_explains_a_failure_is_in_the_report_and_never_hides_the_message() -> None:
    evidence = RecordingEvidence("oom-killer was here")
    team = crew(ScriptedRunner({"base deploy": failed("It broke.")}), MemoryJournal(), evidence)

    report = carry_out("site", "bundle", "install", plan_of("base"), {}, team)

    (failure,) = report.steps["base deploy"].failures
    assert (failure.message, failure.evidence) == ("It broke.", ("oom-killer was here",))
    assert [look.namespace for look in evidence.looks] == ["kube-system"]


def test_nobody_looks_for_evidence_when_all_is_well() -> None:
    evidence = RecordingEvidence()

    carry_out("site", "bundle", "install", plan_of("base"), {}, crew(ScriptedRunner(), MemoryJournal(), evidence))

    assert evidence.looks == []


def test_an_interrupted_run_ends_its_children_and_is_written_down_as_broken_off() -> None:
    runner, journal = InterruptedRunner(), MemoryJournal()
    team = crew(runner, journal)

    with pytest.raises(KeyboardInterrupt):
        carry_out("site", "bundle", "install", plan_of("base"), {}, team)

    assert runner.stopped
    assert journal.entries[-1] == ("end run", "broken off")
    reporter = team.reporter
    assert isinstance(reporter, RecordingReporter)
    assert reporter.of(RunEnded)[0].outcome == "broken off"


@pytest.mark.parametrize(("step", "kind"), [("base verify", VerificationFailed), ("base deploy", ComponentFailed)])
def test_a_failed_run_says_all_of_it_and_how_to_go_on(step: str, kind: type[Exception]) -> None:
    broken = failed("line 1\nline 2", host="cp3", evidence=("the log",))
    report = carry_out(
        "site", "b", "install", plan_of("base"), {}, crew(ScriptedRunner({step: broken}), MemoryJournal())
    )

    error = failure_of(report, "platform-install --inventory lab")

    assert isinstance(error, kind)
    assert error.details == (f"{step}: deploy | Start it, on cp3:", "    line 1", "    line 2", "    | the log")
    assert "platform-install --inventory lab" in error.hint


def test_a_verification_that_fails_ends_with_its_own_exit_code() -> None:
    plan = plan_of("base", change=Change.UNCHANGED)
    team = crew(ScriptedRunner({"base verify": BAD}), MemoryJournal())

    error = failure_of(carry_out("site", "", "verify", plan, {}, team), "again")

    assert error is not None
    assert error.exit_code == 6


def test_a_step_knows_when_it_ended_in_its_run() -> None:
    report = carry_out("site", "", "install", plan_of("base"), {}, crew(ScriptedRunner(), MemoryJournal()))

    assert all(isinstance(result, StepResult) and result.ended >= 0 for result in report.steps.values())
