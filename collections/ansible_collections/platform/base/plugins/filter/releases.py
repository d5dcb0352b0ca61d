"""Say by which steps a release of a model takes over, and how it is judged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.served_models import (
    AT_ONCE,
    BY_SHARES,
    release_weights,
)

# A step may not go on without an end: it is refused, and the rollout with it.
_ENDLESS = 1000000

DOCUMENTATION = r"""
name: release_steps
short_description: The steps by which a release takes over
options:
  _input: {description: "Shares in percent, each of which is judged.", type: list, elements: int, required: true}
  model: {description: "The model, after which its analyses are called.", type: str, required: true}
  measured: {description: Whether there is something that measures., type: bool, required: true}
  approved: {description: Whether somebody has to agree before it gets everything., type: bool, required: true}
  copies: {description: "Copies that take over one by one, where there is no room for all.", type: int, default: 1}
  how: {description: "C(canary), by shares, or C(blue_green), at once.", type: str, default: canary}
"""


def release_steps(
    shares: Sequence[int], model: str, measured: bool, approved: bool, copies: int = 1, how: str = BY_SHARES
) -> list[dict[str, Any]]:
    """Return the steps: copies that must answer at all, quiet, then shares, each judged by what callers see.

    Where nothing measures, nobody could judge: it waits at the first share until somebody agrees. One that takes over
    at once has all its copies before, and is judged while the old ones are still there to go back to.
    """
    first = {"weight": 100} if how == AT_ONCE else {"replicas": 1}
    steps: list[dict[str, Any]] = [{"setCanaryScale": first}, _judged(f"{model}-smoke")]
    if measured:
        steps.append(_judged(f"{model}-quiet"))
    if how == AT_ONCE:
        agreed: list[dict[str, Any]] = [{"pause": {}}] if approved or not measured else []
        return [*steps, *agreed, {"setWeight": 100}, *([_judged(f"{model}-release")] if measured else [])]
    judged = shares if measured else shares[:1]
    for share in release_weights(judged, copies):
        steps.append({"setWeight": share})
        if measured and share in judged:
            steps.append(_judged(f"{model}-release"))
        if share == shares[0]:
            # From here on it has as many copies as its share asks for.
            steps.append({"setCanaryScale": {"matchTrafficWeight": True}})
        if share == judged[-1] and (approved or not measured):
            steps.append({"pause": {}})
    return steps


def release_metrics(model: str, rules: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics that a release is judged by, without who measures them.

    Requests that were given up before anybody answered have no track: they may have been the release's own, and count.
    A look with neither a good nor a bad end comes to nothing. Fewer of those are allowed than there are looks: as many
    would pass for a good end.

    Args:
        rules: `looks`, `look_seconds`, `window_seconds`, `least_requests`, `bad_errors`, `good_errors`,
            `answer_seconds`, `first_token_seconds`.
    """
    asked, window = f'model="{model}",track=~"canary|unknown"', f"[{rules['window_seconds']}s]"
    requests = f"sum(increase(aip_requests_total{{{asked}}}{window}))"
    # A release without a mistake has no series of mistakes: that is none, and not nothing.
    mistakes = f'(sum(increase(aip_requests_total{{{asked},code=~"5.."}}{window})) or vector(0))'

    def slowest(measure: str) -> str:
        return f"histogram_quantile(0.95, sum by (le) (rate({measure}_bucket{{{asked}}}{window})))"

    answers, pieces = slowest("aip_request_duration_seconds"), slowest("aip_time_to_first_token_seconds")
    answer, piece = rules["answer_seconds"], rules["first_token_seconds"]
    # One mistake in the first three requests is no share of mistakes yet.
    share = f"({mistakes} / {requests}) and {requests} >= {max(1, rules['least_requests'] // 10)}"
    enough = f"len(result) > 0 && result[0] >= {rules['least_requests']}"
    # Where nobody asked for a stream there is none to be slow.
    prompt = f"len(result) == 0 || isNaN(result[0]) || result[0] < {piece}"
    found = [
        _metric("requests", requests, enough, "false", 0),
        _metric("errors", share, _told("<", rules["good_errors"]), _told(">=", rules["bad_errors"]), 0),
        _metric("answers", answers, _told("<", answer), _told(">=", answer), 1),
        _metric("first-pieces", pieces, prompt, _told(">=", piece), 1),
    ]
    looks, every = rules["looks"], f"{rules['look_seconds']}s"
    common = {"count": looks, "inconclusiveLimit": looks - 1, "interval": every, "initialDelay": every}
    return [{**metric, **common} for metric in found]


def quiet_metrics(model: str, namespace: str, rules: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the metric that is good when nothing of the release before is in the window any more.

    Both are a release to who measures: without this, a good one would be taken back for what a bad one did a minute
    ago, and a bad one would be let on for what a good one did. What was given up before anybody answered counts where
    a release was taken back, as it may have been that one's. Once it is quiet, that is that.

    Args:
        rules: `window_seconds`, `look_seconds`.
    """
    window = f"[{rules['window_seconds']}s]"
    asked = f'sum(increase(aip_requests_total{{model="{model}",track="canary"}}{window}))'
    given_up = f'sum(increase(aip_requests_total{{model="{model}",track="unknown",code=~"5.."}}{window}))'
    rollout = f'exported_namespace="{namespace}",name="{model}",phase=~"Abort|Timeout|Error"'
    taken_back = f"max(max_over_time(rollout_info{{{rollout}}}{window})) > 0"
    query = f"({asked} or vector(0)) + (({given_up} and on() ({taken_back})) or vector(0))"
    metric = _metric("before", query, _told("<", 0.5), "false", 0)
    return [
        {**metric, "interval": f"{min(rules['look_seconds'], 15)}s", "count": _ENDLESS,
         "inconclusiveLimit": _ENDLESS, "consecutiveSuccessLimit": 1},
    ]  # fmt: skip


def golden_condition(answer: str) -> str:
    """Return the condition under which an answer to a release's first prompt is right: any, or this one."""
    return f"result == {json.dumps(answer)}" if answer else "len(result) > 0"


def _metric(name: str, query: str, good: str, bad: str, failures: int) -> dict[str, Any]:
    return {
        "name": name, "query": query, "successCondition": good, "failureCondition": bad, "failureLimit": failures,
    }  # fmt: skip


def _told(comparison: str, bound: float) -> str:
    return f"len(result) > 0 && !isNaN(result[0]) && result[0] {comparison} {bound}"


def _judged(template: str) -> dict[str, Any]:
    return {"analysis": {"templates": [{"templateName": template}]}}


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            "golden_condition": golden_condition, "quiet_metrics": quiet_metrics, "release_metrics": release_metrics,
            "release_steps": release_steps,
        }  # fmt: skip
