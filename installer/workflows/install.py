"""Bring a site to what its inventory says: plan, ask, run, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from installer.engine.scheduler import group, run_jobs
from installer.errors import ComponentFailed, Interrupted, PlatformError, VerificationFailed
from installer.model.deployed import Ingredients
from installer.model.events import Notice, PhaseStarted, StepChanged, StepStatus
from installer.model.plan import Change, Job, Plan, Step, StepResult
from installer.model.report import RunReport
from installer.ports import Confirmation, Journal, PlaybookRunner, Reporter

# Verifications of what stands already: more processes would only wait for each other.
_LANES = 3


@dataclass(frozen=True)
class Crew:
    """Who does the work of a run.

    Attributes:
        variables: what every play is given.
        at_once: how many steps run side by side.
    """

    runner: PlaybookRunner
    journal: Journal
    reporter: Reporter
    confirm: Confirmation
    variables: Mapping[str, Any]
    at_once: int


def carry_out(
    site: str, bundle: str, command: str, plan: Plan, ingredients: Mapping[str, Ingredients], crew: Crew
) -> RunReport:
    """Run a plan's steps and return the report; the journal is written after each.

    Raises:
        Interrupted: the operator did not agree.
    """
    began, clock = datetime.now(UTC), time.monotonic()
    if plan.changes and not crew.confirm(_question(plan)):
        raise Interrupted("Nothing was changed: the plan was not agreed to.")
    crew.reporter.emit(PhaseStarted("run"))
    run = crew.journal.begin_run(command, bundle)
    results: dict[str, StepResult] = {}

    def work(job: Job, ended: Callable[[Step, StepResult], None]) -> None:
        for step in job.steps:
            crew.journal.begin_step(run, step, ingredients.get(step.component))

        def step_ended(step: Step, result: StepResult) -> None:
            crew.journal.end_step(run, step, result)
            results[step.name] = result
            status = StepStatus.FAILED if not result.ok else StepStatus.DONE if result.changed else StepStatus.UNCHANGED
            crew.reporter.emit(StepChanged(step.name, status, result.seconds, result.changed))
            ended(step, result)

        crew.runner.run(job, crew.variables, step_ended, crew.reporter)

    try:
        run_jobs(group(plan.steps, _LANES, crew.journal.durations()), work, crew.at_once)
    except BaseException:
        crew.journal.end_run(run, "broken off")
        raise
    ok = len(results) == len(plan.steps) and all(result.ok for result in results.values())
    crew.journal.end_run(run, "good" if ok else "failed")
    return RunReport(
        site=site,
        bundle=bundle,
        ok=ok,
        began=began.isoformat(timespec="seconds"),
        seconds=time.monotonic() - clock,
        plan=plan,
        steps=results,
    )


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
            details += [f"    | {line}" for line in failure.evidence[-20:]]
    kinds = {name.rpartition(" ")[2] for name in failed}
    kind = VerificationFailed if kinds == {"verify"} else ComponentFailed
    return kind(
        f"{', '.join(failed)} failed; what stood before stands.", hint=f"When it is mended, go on with: {go_on}", details=details
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
