"""Have the rules over what models are asked compare the times that an inventory names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

DOCUMENTATION = r"""
name: with_drift
short_description: Files of rules, of which the one on drift compares the times that are named
options:
  _input: {description: Contents of files of rules by name., type: dict, required: true}
  drift: {description: "The role's C(monitoring_drift).", type: dict, required: true}
  kept_days: {description: Days that what was measured is kept., type: int, required: true}
"""

FILE = "drift.yml"
# How each setting stands in the file, which is itself a file of rules: with the defaults nothing in it changes.
_PLACES = {
    "[1d:1h] offset 7d": "[{reference}:{recent}] offset {ago}",
    "(aip_observed_total[1h])": "(aip_observed_total[{recent}])",
    ">= 200)": ">= {least})",
    "> 0.25\n": "> {bound}\n",
    "for: 30m\n": "for: {lasting}\n",
}
_DURATION = re.compile(r"([1-9]\d*)([mhdw])")
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def with_drift(files: Mapping[str, str], drift: Mapping[str, Any], kept_days: int) -> dict[str, str]:
    """Return files of rules, of which the one on drift has the inventory's durations and bounds.

    Raises:
        ValueError: what is compared with is not kept for so long or overlaps, a duration is none, or a bound is none.
    """
    _judge(drift, kept_days)
    text = files[FILE]
    for place, pattern in _PLACES.items():
        if place not in text:
            raise ValueError(f"{FILE} has no {place!r} any more, by which a setting is put in.")
        text = text.replace(place, pattern.format(**drift))
    return {**files, FILE: text}


def _judge(drift: Mapping[str, Any], kept_days: int) -> None:
    recent, reference, ago, _ = (_seconds(name, drift[name]) for name in ("recent", "reference", "ago", "lasting"))
    if ago + reference > kept_days * _SECONDS["d"]:
        raise ValueError(
            f"monitoring_drift compares with what was {drift['ago']} and {drift['reference']} ago,"
            f" and only {kept_days} days are kept. Raise monitoring_retention_days, or look less far back."
        )
    if ago < recent or reference < recent:
        raise ValueError(
            "monitoring_drift: `ago` and `reference` must be `recent` or longer, or it compares with itself."
        )
    if not (drift["least"] >= 1 and drift["bound"] > 0):
        raise ValueError("monitoring_drift: `least` must be 1 or more, and `bound` more than 0.")


def _seconds(name: str, text: str) -> int:
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(f"monitoring_drift.{name} is {text!r}; write a number and m, h, d or w, as 90m.")
    return int(found[1]) * _SECONDS[found[2]]


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"with_drift": with_drift}
