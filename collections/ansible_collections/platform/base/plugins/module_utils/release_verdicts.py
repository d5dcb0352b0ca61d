"""What an analysis of a release measured, in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# What a metric of `release_metrics` measures.
_MEANINGS = {
    "requests": "requests within the window",
    "errors": "share of requests that failed",
    "answers": "seconds that 95 % of answers took",
    "first-pieces": "seconds until 95 % of first pieces",
}
# The bound in a condition, behind guards against having measured nothing: `result[0] >= 0.01`, `result == "Yes."`.
_BOUND = re.compile(r"result(?:\[0\])?\s*(<=|>=|==|!=|<|>)\s*(\"(?:[^\"\\]|\\.)*\"|[-+.\w]+)\s*$")
_MOST_TEXT = 200
_FULL = 1000
GOOD, BAD, OPEN, BROKEN = "Successful", "Failed", "Inconclusive", "Error"


def asks_a_prompt(run: Mapping[str, Any]) -> bool:
    """Return whether an analysis asks the release itself, and not who measures what callers see."""
    return any("web" in metric.get("provider", {}) for metric in _metrics(run))


def waits_for_quiet(run: Mapping[str, Any]) -> bool:
    """Return whether an analysis waits until what is measured is this release's alone."""
    return any(metric.get("name") == "before" for metric in _metrics(run))


def bound(condition: str) -> str:
    """Return what a condition compares with, as `>= 0.01`; empty when it compares nothing."""
    found = _BOUND.search(condition or "")
    return f"{found.group(1)} {found.group(2)}" if found else ""


def measured(value: str) -> str:
    """Return a measured value as a person reads it: numbers are short, and what stands for nothing says so."""
    text = (value or "").strip()
    if not (text.startswith("[") and text.endswith("]")):
        return _number(text)
    return ", ".join(_number(part.strip()) for part in text[1:-1].split(",") if part.strip()) or "nothing"


def why_bad(run: Mapping[str, Any]) -> str:
    """Return why an analysis did not pass a release: each metric that failed, its value, and the bound."""
    told = [_bad(metric, result) for metric, result in _judged(run) if result.get("phase") in (BAD, BROKEN)]
    return "; ".join(told) or str(run.get("status", {}).get("message") or "its analysis did not pass")


def why_open(run: Mapping[str, Any]) -> str:
    """Return why an analysis came to no verdict."""
    told = []
    for metric, result in _judged(run):
        if result.get("phase") != OPEN:
            continue
        value = measured(str(_last(result, OPEN).get("value", "")))
        told.append(f"{_named(metric)} was {value}{_good(metric, '; good is ')}")
    return "; ".join(told) or str(run.get("status", {}).get("message") or "too little was measured")


def how_far(run: Mapping[str, Any]) -> str:
    """Return what an analysis that goes on has measured so far."""
    looks = max((int(result.get("count", 0)) for _, result in _judged(run)), default=0)
    wanted = max((int(metric.get("count", 0) or 0) for metric in _metrics(run)), default=0)
    if asks_a_prompt(run):
        good = max((int(result.get("successful", 0)) for _, result in _judged(run)), default=0)
        return f"{good} of {wanted} answers were good"
    told = []
    for metric, result in _judged(run):
        last = _last(result)
        if last.get("phase") == BROKEN:
            told.append(f"{metric['name']} cannot be measured: {_short(last.get('message', 'nobody says why'))}")
        elif last:
            told.append(f"{metric['name']} {measured(str(last.get('value', '')))}{_good(metric, ', good is ')}")
    if waits_for_quiet(run):
        return "; ".join(told) or "nothing was asked yet"
    return f"look {looks} of {wanted}" + (f" ({'; '.join(told)})" if told else "")


def _bad(metric: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    last = _last(result, str(result["phase"]))
    if "web" in metric.get("provider", {}):
        if result["phase"] == BROKEN:
            return f"its golden prompt was not answered: {_short(last.get('message') or result.get('message', ''))}"
        right = _good(metric, "; right is ") or "; any that is not empty would be right"
        return f"its golden prompt was answered {_quoted(last.get('value', ''))}{right}"
    if result["phase"] == BROKEN:
        return f"{_named(metric)} could not be measured: {_short(last.get('message') or result.get('message', ''))}"
    bad = bound(metric.get("failureCondition", ""))
    told = f"; bad is {bad}" if bad else _good(metric, "; good is ")
    return f"{_named(metric)} was {measured(str(last.get('value', '')))}{told}"


def _good(metric: Mapping[str, Any], before: str) -> str:
    found = bound(metric.get("successCondition", ""))
    return f"{before}{found}" if found else ""


def _named(metric: Mapping[str, Any]) -> str:
    name = str(metric["name"])
    return f"{name} ({_MEANINGS[name]})" if name in _MEANINGS else name


def _metrics(run: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = run.get("spec", {}).get("metrics") or ()
    return found


def _judged(run: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield each metric that was measured, and its result."""
    known = {metric["name"]: metric for metric in _metrics(run)}
    for result in run.get("status", {}).get("metricResults") or ():
        yield known.get(result["name"], {"name": result["name"]}), result


def _last(result: Mapping[str, Any], phase: str = "") -> Mapping[str, Any]:
    """Return the last measurement, or the last that ended so."""
    found = [entry for entry in result.get("measurements") or () if not phase or entry.get("phase") == phase]
    return found[-1] if found else {}


def _number(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return _short(text) or "nothing"
    if math.isnan(value):
        return "no number"
    return f"{value:.0f}" if value >= _FULL and math.isfinite(value) else f"{value:.4g}"


def _quoted(text: object) -> str:
    return f'"{_short(text)}"'


def _short(text: object) -> str:
    whole = " ".join(str(text).split())
    return whole if len(whole) <= _MOST_TEXT else f"{whole[:_MOST_TEXT]}…"
