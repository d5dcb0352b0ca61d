"""Approvals of releases for a later time, and what became of them: the audit log is all there is of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.moments import from_moment

# What a line of the log says of one.
MADE, CANCELLED, REFUSED, MISSED = "schedule", "schedule cancelled", "schedule refused", "schedule missed"
DONE, FAILED = "approve", "approve failed"
OPEN = "open"
_OUTCOMES = {
    CANCELLED: "cancelled", REFUSED: "refused", MISSED: "missed", DONE: "carried out", FAILED: "failed",
}  # fmt: skip
# What an operator has to know until something else happens to the model.
_WANTS_ATTENTION = (OPEN, "refused", "missed", "failed")
_LATER = ("approve", "rollback", "deploy")

# When a schedule is looked at, by its window and the time.
EARLY, WITHIN, LAST, LATE = "early", "within", "last", "late"
# The timer comes each minute; a look that none is sure to follow is the last.
_UNTIL_NEXT = 90.0


@dataclass(frozen=True)
class Schedule:
    """An approval for a later time.

    Attributes:
        version: the only version that it is for.
        begins: the moment from which it is done, in UTC.
        ends: the moment until which it is; after that it is missed.
        once: whether the first look decides; otherwise what may still come is waited for until the end.
        who: who agreed.
        alone: why the same person who released may agree; empty where another does.
        made: when it was written down, in UTC.
        outcome: `open`, `carried out`, `cancelled`, `refused`, `missed` or `failed`.
        words: why it ended so.
    """

    engine: str
    model: str
    version: str
    begins: str
    ends: str
    once: bool
    who: str
    reason: str
    alone: str
    made: str
    outcome: str = OPEN
    words: str = ""

    def told(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    def when(self, now: float) -> str:
        """Return whether it is too early for it, its time, the last look at it, or too late."""
        begins, ends = from_moment(self.begins), from_moment(self.ends)
        if now < begins:
            return EARLY
        if now > ends:
            return LATE
        return LAST if now + _UNTIL_NEXT > ends else WITHIN


def all_schedules(entries: Sequence[Mapping[str, Any]]) -> list[Schedule]:
    """Return all that a log has, the oldest first."""
    found: list[Schedule] = []
    for entry in entries:
        command = entry.get("command")
        if command == MADE:
            found.append(_made(entry))
        elif command in _OUTCOMES:
            found = [_ended(one, entry) if _is_of(one, entry) else one for one in found]
    return found


def open_schedules(entries: Sequence[Mapping[str, Any]]) -> list[Schedule]:
    """Return those that nothing became of yet."""
    return [one for one in all_schedules(entries) if one.outcome == OPEN]


def shown(entries: Sequence[Mapping[str, Any]], engine: str, model: str) -> dict[str, Any] | None:
    """Return the schedule of a model that an operator has to know of, as plain data; None where there is none."""
    found: Schedule | None = None
    for entry in entries:
        if (entry.get("engine"), entry.get("model")) != (engine, model):
            continue
        command = entry.get("command")
        if command == MADE:
            found = _made(entry)
        elif found is not None and command in _OUTCOMES and _is_of(found, entry):
            found = _ended(found, entry)
        elif found is not None and found.outcome != OPEN and command in _LATER:
            found = None
    return found.told() if found is not None and found.outcome in _WANTS_ATTENTION else None


def _made(entry: Mapping[str, Any]) -> Schedule:
    told = {key: str(entry.get(key, "")) for key in ("engine", "model", "begins", "ends", "who", "reason", "alone")}
    return Schedule(**told, version=str(entry["to"]), once=entry.get("once") == "yes", made=str(entry["time"]))


def _ended(schedule: Schedule, entry: Mapping[str, Any]) -> Schedule:
    return replace(schedule, outcome=_OUTCOMES[str(entry["command"])], words=str(entry.get("note", "")))


def _is_of(schedule: Schedule, entry: Mapping[str, Any]) -> bool:
    # A line that carries nothing out has no `scheduled`.
    same = (schedule.engine, schedule.model, schedule.made)
    ended = schedule.outcome != OPEN and entry.get("command") != FAILED
    return not ended and same == (entry.get("engine"), entry.get("model"), entry.get("scheduled"))
