"""Look at all hosts before anything is changed, and tell everything that is wrong at once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from installer.engine.preflight import findings_of
from installer.engine.scheduler import run_jobs
from installer.errors import PreflightFailed, Problem
from installer.model.events import PhaseStarted, StepChanged, StepStatus, Warned
from installer.model.plan import Job, Step, StepResult, TaskFailure
from installer.model.preflight import Finding, PreflightReport, Severity
from installer.ports import PlaybookRunner, Reporter, StepEnded

_NEVER_BEGAN = StepResult(
    ok=False, changed=0, seconds=0.0, failures=(TaskFailure("localhost", "run Ansible", "Nothing was looked at."),)
)


def look(
    step: Step,
    components: Sequence[str],
    runner: PlaybookRunner,
    variables: Mapping[str, object],
    reporter: Reporter,
    found_here: Sequence[Finding] = (),
) -> PreflightReport:
    """Look at the hosts, and return everything that was found.

    Args:
        variables: what the roles must know beside the inventory.
        found_here: what was found before any host was asked.
    """
    reporter.emit(PhaseStarted(step.verb))
    began = time.monotonic()
    # Problems are reported, not failed with: the first must not hide the others.
    told = {**variables, "platform_preflight_collect": True, "preflight_components": list(components)}

    def work(job: Job, ended: StepEnded) -> None:
        runner.run(job, told, ended, reporter)

    try:
        # In a thread of its own, so that the operator can stop it.
        results = run_jobs((Job((step,)),), work, 1)
    except BaseException:
        runner.stop()
        raise
    findings = (*found_here, *findings_of(step, results.get(step.name, _NEVER_BEGAN)))
    ok = not any(finding.severity is Severity.FAILURE for finding in findings)
    seconds = time.monotonic() - began
    reporter.emit(StepChanged(step.name, StepStatus.UNCHANGED if ok else StepStatus.FAILED, seconds))
    return PreflightReport(ok, tuple(components), findings, seconds)


def warn(report: PreflightReport, reporter: Reporter) -> None:
    """Tell what stops nothing, and is worth knowing."""
    for finding in report.of(Severity.WARNING):
        reporter.emit(Warned(f"{finding.host} {finding.found} {finding.cure}"))


def failure_of(report: PreflightReport) -> PreflightFailed | None:
    """Return the error that lists every failure, or None."""
    failures = report.of(Severity.FAILURE)
    return PreflightFailed([_problem(finding) for finding in failures]) if failures else None


def _problem(finding: Finding) -> Problem:
    return Problem(finding.host, f"{finding.found} [{finding.check}]", finding.cure)
