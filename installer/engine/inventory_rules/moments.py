"""Moments: when what a site has done by the clock is done, as cron writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from installer.engine.inventory_rules.subject import EACH, Subject, listed, show, spell, texts_at
from installer.errors import Problem
from installer.model.inventory import Way

# Each field of a moment with its lowest and highest value, and the names that stand for these.
_SECOND = ("second", 0, 59, "")
_MINUTES = (
    ("minute", 0, 59, ""),
    ("hour", 0, 23, ""),
    ("day", 1, 31, ""),
    ("month", 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"),
    ("weekday", 0, 6, "sun mon tue wed thu fri sat"),
)
_SECONDS = (_SECOND, *_MINUTES)
_Fields = tuple[tuple[str, int, int, str], ...]
# By variable, where a moment stands in it, and its fields. Harbor counts seconds, and Velero takes short words, too.
MOMENTS: Mapping[str, tuple[Way, _Fields]] = {
    "harbor_garbage_schedule": ((), _SECONDS),
    "harbor_scan_schedule": ((), _SECONDS),
    "harbor_second_site": (("schedule",), _SECONDS),
    "velero_schedules": ((EACH, "at"), _MINUTES),
    "velero_second_site": (("at",), _MINUTES),
}
_SHORT = re.compile(r"@(yearly|annually|monthly|weekly|daily|midnight|hourly|every (\d+(h|m|s))+)")
_PART = re.compile(r"(?P<first>\*|\?|\w+)(-(?P<last>\w+))?(/(?P<step>[1-9]\d*))?")


def moments_that_never_come(subject: Subject) -> Iterator[Problem]:
    """Find what is no moment: nobody notices what is not done until it is missed."""
    for name, (way, fields) in MOMENTS.items():
        for where, found, text in texts_at(subject, name, way):
            fault = "" if fields is _MINUTES and _SHORT.fullmatch(text) else _fault(text, fields)
            if fault:
                cure = f"Write {len(fields)} fields: {listed(label for label, *_ in fields)}; {_example(fields)}."
                yield Problem(where, f"{spell(name, found)} cannot be {show(text)}: {fault}.", cure)


def _fault(text: str, fields: _Fields) -> str:
    """Return why a text is no moment; nothing where it is one."""
    parts = text.split()
    if len(parts) != len(fields):
        return f"it has {len(parts)} fields"
    wrong = [field[0] for part, field in zip(parts, fields, strict=True) if not _fits(part, *field[1:])]
    return f"there is no such {listed(wrong)}" if wrong else ""


def _fits(field: str, lowest: int, highest: int, names: str) -> bool:
    known = {name: number for number, name in enumerate(names.split(), lowest)}
    known |= {str(number): number for number in range(lowest, highest + 1)}
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            return False
        first, last = match["first"].lower().lstrip("0") or "0", (match["last"] or "").lower().lstrip("0")
        if first in ("*", "?"):
            if match["last"]:
                return False
        elif first not in known or (match["last"] and known.get(last or "0", -1) < known[first]):
            return False
    return True


def _example(fields: _Fields) -> str:
    return "such as " + " ".join(["0"] * (len(fields) - 4) + ["2", "*", "*", "6"])


RULES = (moments_that_never_come,)
