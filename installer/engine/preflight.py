"""What a preflight looks at, and what its results mean."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from installer.model.component import Component
from installer.model.inventory import ALL, Inventory
from installer.model.plan import HOSTS, Change, Plan, Step, StepResult, TaskFailure
from installer.model.preflight import Finding, Severity

VERB = "preflight"
_ORDER = list(Severity)


def preflight_step(components: Collection[Component], inventory: Inventory) -> Step | None:
    """Return the step that looks at all hosts of some components; None when there are no hosts."""
    patterns = [component.description.preflight_on or component.description.runs_on for component in components]
    groups = dict.fromkeys(group for pattern in patterns for group in pattern.split(":"))
    hosts = ALL if ALL in groups else ":".join(groups)
    return Step(HOSTS, VERB, hosts) if inventory.members(hosts) else None


def worth_a_look(plan: Plan) -> tuple[str, ...]:
    """Return the planned components whose hosts must be ready for them.

    What an interrupted run has begun was ready, and is half done now: judging it again would
    take the platform's own traces for somebody else's.
    """
    return tuple(item.component for item in plan.changes if item.change in (Change.INSTALL, Change.UPGRADE))


def findings_of(step: Step, result: StepResult) -> tuple[Finding, ...]:
    """Return everything a look has found, each thing once; a host that could not be looked at is found too."""
    found: dict[tuple[str, str, str], Finding] = {}
    for finding in _findings(step, result):
        found.setdefault((finding.check, finding.host, finding.found), finding)
    return tuple(sorted(found.values(), key=lambda finding: (_ORDER.index(finding.severity), finding.host)))


def _findings(step: Step, result: StepResult) -> Iterator[Finding]:
    for report in result.results.values():
        yield from (_finding(problem) for problem in report.get(step.verb, ()))
    for failure in result.failures:
        yield _unseen(failure)


def _finding(problem: Mapping[str, Any]) -> Finding:
    return Finding(
        host=problem["host"],
        check=problem["check"],
        severity=Severity(problem["severity"]),
        found=problem["message"],
        cure=problem["cure"],
        component=problem.get("component", ""),
        reason=problem.get("reason", ""),
    )


def _unseen(failure: TaskFailure) -> Finding:
    cure = "Look at its power and its network, and log in to it as the installer does."
    return Finding(failure.host, "looked_at", Severity.FAILURE, f"cannot be looked at. {failure.message}", cure)
