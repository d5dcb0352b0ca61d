"""Every check there is, and how a list of them is asked, judged and told."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_rules import (
    access,
    addresses,
    bundle,
    disks,
    gpu_health,
    gpus,
    hosts,
    kernel,
    models,
    others,
    reach,
    services,
    system,
)
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    AllFacts,
    Check,
    Facts,
    Questions,
    WrongCheck,
)

Problem = dict[str, str]
Wanted = Mapping[str, Mapping[str, Any] | None]
# Every check takes these: the variable that sets its limit, for its cure; whether the host is judged by it at all.
SETTING, WHEN = "setting", "when"
# What a problem is: it stops the installation, it is only told, or the inventory says why it may be.
FAILURE, WARNING, ACCEPTED = "failure", "warning", "accepted"
_ONE_HOST = (system, kernel, disks, addresses, reach, others, access, bundle, gpus, gpu_health, services)
HOST_CHECKS: Mapping[str, Check] = {check.id: check for module in _ONE_HOST for check in module.CHECKS}
_BESIDE_EACH_OTHER = (*hosts.CHECKS, *models.CHECKS, *services.COMPARISONS)
COMPARISONS: Mapping[str, Check] = {check.id: check for check in _BESIDE_EACH_OTHER}
ALL_CHECKS: Mapping[str, Check] = {**HOST_CHECKS, **COMPARISONS}


def questions_of(wanted: Wanted) -> Questions:
    """Return what hosts must be asked before they can be judged.

    Raises:
        WrongCheck: there is no such check, or it does not take these parameters.
    """
    found: dict[str, set[str]] = {}
    for check, given, _ in _checked(wanted, ALL_CHECKS):
        for kind, items in check.asks(given).items():
            found.setdefault(kind, set()).update(items)
    return {kind: sorted(items) for kind, items in found.items() if items}


def unanswered(questions: Questions, facts: Facts | None) -> Questions:
    """Return the questions that facts do not answer yet."""
    answers = facts.get("answers", {}) if facts else {}
    left = {kind: [item for item in items if item not in answers.get(kind, {})] for kind, items in questions.items()}
    return {kind: items for kind, items in left.items() if items}


def judge(wanted: Wanted, host: str, facts: Facts) -> list[Problem]:
    """Return everything that does not hold on a host by itself.

    Raises:
        WrongCheck: as for `questions_of`.
        Unanswered: the host was not asked what a check needs.
    """
    return [
        _problem(check, host, finding.message, finding.cure, setting)
        for check, given, setting in _checked(wanted, HOST_CHECKS)
        for finding in check.rule(facts, **given)
    ]


def compare(wanted: Wanted, facts: AllFacts) -> list[Problem]:
    """Return everything that does not hold between hosts.

    Raises:
        WrongCheck: as for `questions_of`.
    """
    return [
        _problem(check, finding.host, finding.message, finding.cure, setting)
        for check, given, setting in _checked(wanted, COMPARISONS)
        for finding in check.rule(facts, **given)
    ]


def accept(problems: list[Problem], reasons: Mapping[str, str]) -> list[Problem]:
    """Return the problems, those the inventory accepts marked with its reason.

    Args:
        reasons: by check, why the site may do without.

    Raises:
        WrongCheck: a reason is given for a check that there is not.
    """
    for name in reasons:
        if name not in ALL_CHECKS:
            raise WrongCheck(f"`platform_preflight_accepted` names a check that there is not: {name}.")
    return [
        {**problem, "severity": ACCEPTED, "reason": str(reasons[problem["check"]])}
        if problem["check"] in reasons
        else problem
        for problem in problems
    ]


def told(problems: list[Problem]) -> str:
    """Return problems for a reader, one a line."""
    return "\n".join(
        f"{problem['host']}: {problem['message']} {problem['cure']} [{problem['check']}]" for problem in problems
    )


def _checked(wanted: Wanted, known: Mapping[str, Check]) -> Iterator[tuple[Check, dict[str, Any], str]]:
    """Yield each wanted check that is among the known, with its parameters and the name of its setting."""
    for name, parameters in wanted.items():
        if name not in ALL_CHECKS:
            raise WrongCheck(f"There is no check `{name}`; there are {', '.join(sorted(ALL_CHECKS))}.")
        if name not in known:
            continue
        given = dict(parameters or {})
        setting = str(given.pop(SETTING, ""))
        is_wanted = bool(given.pop(WHEN, True))
        signature = inspect.signature(known[name].rule)
        try:
            signature.bind(None, **given)
        except TypeError as error:
            takes = ", ".join([*signature.parameters][1:]) or "nothing"
            raise WrongCheck(f"The check `{name}` takes {takes}: {error}.") from error
        if is_wanted:
            yield known[name], given, setting


def _problem(check: Check, host: str, message: str, cure: str, setting: str) -> Problem:
    if setting:
        cure = f"{cure} Where that is right for the site, set `{setting}` instead."
    severity = WARNING if check.warns else FAILURE
    return {"check": check.id, "host": host, "severity": severity, "message": message, "cure": cure}
