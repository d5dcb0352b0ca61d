"""Bring a site to what its inventory says: plan, ask, run, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from installer.engine.evidence import where_to_look
from installer.engine.scheduler import Work, group, run_jobs
from installer.errors import ComponentFailed, Interrupted, PlatformError, VerificationFailed
from installer.model.catalog import Catalog
from installer.model.deployed import Ingredients
from installer.model.events import Notice, PhaseStarted, RunEnded, RunPlanned, StepChanged, StepFailed, StepStatus
from installer.model.plan import Change, Job, Plan, Step, StepResult
from installer.model.report import RunReport
from installer.ports import Confirmation, Evidence, Journal, PlaybookRunner, Reporter

# Verifications of what stands already: more processes would only wait for each other.
_LANES = 2
_BROKEN_OFF = "broken off"
_MOST_EVIDENCE = 40


@dataclass(frozen=True)
class Crew:
    """Who does the work of a run.

    Attributes:
        variables: what every play is given.
        at_once: how many steps run side by side.
        evidence: finds what explains failures; nobody looks when None.
        catalog: the site's components.
        further_question: what is asked by itself after the plan, if anything.
    """

    runner: PlaybookRunner
    journal: Journal
    reporter: Reporter
    confirm: Confirmation
    variables: Mapping[str, Any]
    at_once: int
    evidence: Evidence | None = None
    catalog: Catalog = field(default_factory=lambda: Catalog({}))
    further_question: str = ""


def carry_out(
    site: str, bundle: str, command: str, plan: Plan, ingredients: Mapping[str, Ingredients], crew: Crew
) -> RunReport:
    """Run a plan's steps and return the report; the journal is written after each.

    Raises:
        Interrupted: the operator did not agree.
    """
    began, clock = datetime.now(UTC), time.monotonic()
    questions = [_question(plan), crew.further_question] if plan.changes else []
    if not all(crew.confirm(question) for question in questions if question):
        raise Interrupted("Nothing was changed: the plan was not agreed to.")
    crew.reporter.emit(PhaseStarted("run"))
    run = crew.journal.begin_run(command, bundle)
    results: dict[str, StepResult] = {}
    outcome = _BROKEN_OFF
    crew.reporter.emit(RunPlanned(command, tuple(step.name for step in plan.steps)))
    try:
        run_jobs(
            group(plan.steps, _LANES, crew.journal.durations()),
            _worker(run, ingredients, results, crew, clock),
            crew.at_once,
        )
        _explain(run, plan, results, crew)
        ok = len(results) == len(plan.steps) and all(result.ok for result in results.values())
        outcome = "good" if ok else "failed"
    finally:
        crew.journal.end_run(run, outcome)
        try:
            if outcome == _BROKEN_OFF:
                crew.runner.stop()
        finally:
            changed = sum(result.changed for result in results.values())
            crew.reporter.emit(RunEnded(outcome, time.monotonic() - clock, changed))
    return RunReport(
        site=site,
        bundle=bundle,
        ok=ok,
        began=began.isoformat(timespec="seconds"),
        seconds=time.monotonic() - clock,
        plan=plan,
        steps=results,
        command=command,
    )


def _worker(
    run: int, ingredients: Mapping[str, Ingredients], results: dict[str, StepResult], crew: Crew, clock: float
) -> Work:
    """Return what takes one job: its steps are in the journal before and after, and told as they end.

    A host that was set up anew ends the run: what else is asked then waits, for minutes, for what is not there.
    """

    def work(job: Job, ended: Callable[[Step, StepResult], None]) -> None:
        for step in job.steps:
            crew.journal.begin_step(run, step, ingredients.get(step.component))

        def step_ended(step: Step, result: StepResult) -> None:
            if step not in job.steps:
                # A milestone: others may begin, and nothing of this job has ended.
                ended(step, result)
                return
            crew.journal.end_step(run, step, result)
            results[step.name] = replace(result, ended=time.monotonic() - clock)
            for failure in result.failures:
                crew.reporter.emit(StepFailed(step.name, failure.host, failure.task, failure.message, failure.evidence))
            status = StepStatus.FAILED if not result.ok else StepStatus.DONE if result.changed else StepStatus.UNCHANGED
            crew.reporter.emit(StepChanged(step.name, status, result.seconds, result.changed))
            ended(step, result)

        crew.runner.run(job, crew.variables, step_ended, crew.reporter)
        if any(results[step.name].bare_hosts for step in job.steps if step.name in results):
            crew.runner.stop()

    return work


def _explain(run: int, plan: Plan, results: dict[str, StepResult], crew: Crew) -> None:
    """Add to failures what explains them, where they did not bring it themselves."""
    steps = {step.name: step for step in plan.steps}
    looks = where_to_look(results, crew.catalog) if crew.evidence is not None else ()
    if not looks or crew.evidence is None:
        return
    crew.reporter.emit(Notice("Looking for what explains it, on the hosts."))
    for name, index, look in looks:
        found = crew.evidence.gather(look)
        failures = list(results[name].failures)
        failures[index] = replace(failures[index], evidence=found)
        results[name] = replace(results[name], failures=tuple(failures))
        crew.journal.end_step(run, steps[name], results[name])


def failure_of(report: RunReport, go_on: str) -> PlatformError | None:
    """Return the error that says what failed in a run, or None.

    Args:
        go_on: the command that goes on from here.
    """
    failed = {name: result for name, result in report.steps.items() if not result.ok}
    if not failed:
        return None
    details = []
    for name, result in failed.items():
        for failure in result.failures:
            details.append(f"{name}: {failure.task}, on {failure.host}:")
            details += [f"    {line}" for line in failure.message.splitlines()]
            details += [f"    | {line}" for line in failure.evidence[-_MOST_EVIDENCE:]]
    kinds = {name.rpartition(" ")[2] for name in failed}
    kind = VerificationFailed if kinds == {"verify"} else ComponentFailed
    return kind(
        f"{', '.join(failed)} failed; what stood before stands.",
        hint=f"When it is mended, go on with: {go_on}",
        details=details,
    )


def note_unchanged(plan: Plan, reporter: Reporter) -> None:
    """Say so when nothing will be changed."""
    if plan.components and not plan.changes:
        reporter.emit(Notice(f"{len(plan.components)} components are as the inventory says; each is verified."))


def _question(plan: Plan) -> str:
    hosts = sorted({host for item in plan.changes for host in item.hosts})
    counts = {change: sum(item.change is change for item in plan.changes) for change in Change}
    what = ", ".join(f"{count} to {change.value}" for change, count in counts.items() if count)
    return f"{what}, on {len(hosts)} hosts ({', '.join(hosts)}). Go on?"
