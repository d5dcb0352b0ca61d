"""What looking at a host has come to: facts from several looks, or the reason why there are none."""

from __future__ import annotations

from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import Facts, Questions
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.registry import FAILURE, Problem, Wanted

_FAILED = "failed"
_MOST_TEXT = 300
# What can be judged of a host that does not give its user root's rights.
_WITHOUT_RIGHTS = ("privileges", "python_version", "supported_os")


def joined(*all_questions: Questions) -> Questions:
    """Return questions of several, each asked once."""
    found: dict[str, set[str]] = {}
    for questions in all_questions:
        for kind, items in questions.items():
            found.setdefault(kind, set()).update(items)
    return {kind: sorted(items) for kind, items in found.items()}


def completed(facts: Facts | None, found: Facts) -> Facts:
    """Return facts with what a further look has found."""
    if facts is None or has_failed(found):
        return found
    answers = dict(facts["answers"])
    for kind, entries in found["answers"].items():
        answers[kind] = {**answers.get(kind, {}), **entries}
    return {**facts, **found, "answers": answers}


def clock(now: float, began: float, ended: float) -> dict[str, float]:
    """Return how far a host's clock is ahead, at least and at most.

    Args:
        now: what the host's clock said, at some time between `began` and `ended`.
    """
    return {"earliest": now - ended, "latest": now - began}


def failure(message: str) -> dict[str, Any]:
    """Return facts of a host that could not be looked at."""
    return {_FAILED: " ".join(message.split())[-_MOST_TEXT:]}


def has_failed(facts: Facts) -> bool:
    """Return whether the host could not be looked at."""
    return _FAILED in facts


def problems(host: str, facts: Facts) -> list[Problem]:
    """Return why a host could not be looked at, as a problem."""
    text = facts[_FAILED]
    problem = {"host": host, "severity": FAILURE}
    if "python" in text and ("not found" in text or "No such file" in text):
        message, cure = "has no Python.", "Install the release's own python3."
        return [{**problem, "check": "python_version", "message": message, "cure": cure}]
    cure = "Log in to it as the installer does, and run `python3 -c 0` there."
    return [{**problem, "check": "looked_at", "message": f"cannot be looked at: {text}.", "cure": cure}]


def judged(wanted: Wanted, facts: Facts) -> Wanted:
    """Return the checks that can be judged: without root's rights, most facts are wrong or missing."""
    if facts["user"]["root"]:
        return wanted
    return {name: given for name, given in wanted.items() if name in _WITHOUT_RIGHTS}
