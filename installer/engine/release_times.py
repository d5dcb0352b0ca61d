"""When a release is let on: at a moment, or in the next window of a calendar, in a time zone that is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from installer.errors import UsageError

# The timer looks each minute; a host that starts just then has as long.
GRACE = timedelta(minutes=5)
# Leap days come each four years, and with a weekday each twenty-eight.
_MOST_DAYS = 366 * 28
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMES = {"weekday": {name: number for number, name in enumerate(_DAYS)}} | {
    "month": {name: number for number, name in enumerate(_MONTHS, 1)}
}


@dataclass(frozen=True)
class Window:
    """The time in which a release may be let on.

    Attributes:
        begins: with its time zone.
        ends: with the same.
        once: whether the first look decides, and nothing is waited for.
    """

    begins: datetime
    ends: datetime
    once: bool

    def moments(self) -> tuple[str, str]:
        """Return both ends as the admin host's clock has them: in UTC, to the second."""
        return _moment(self.begins), _moment(self.ends)


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its name, as `Europe/Berlin`.

    Raises:
        UsageError: this machine knows none of that name.
    """
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise UsageError(
            f"There is no time zone {name}.",
            hint="Name one as `timedatectl list-timezones` does: Europe/Berlin; or UTC.",
        ) from error


def at_moment(text: str, zone: tzinfo) -> Window:
    """Return the window of one moment.

    Args:
        text: by ISO 8601; with an offset that counts, else the time zone.

    Raises:
        UsageError: it is no moment, or the clocks of the time zone pass over it, or show it twice.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise _no_moment(text, "it is no time by ISO 8601") from error
    if len(text) <= len("2026-01-31"):
        raise _no_moment(text, "it is a day without a time")
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone)
        if not _exists(found):
            raise _no_moment(text, f"clocks in {zone} are put forward over it")
        if found.utcoffset() != found.replace(fold=1).utcoffset():
            raise _no_moment(text, f"clocks in {zone} show it twice, as they are put back")
    return Window(found, found + GRACE, once=True)


def next_window(calendar: str, minutes: int, zone: tzinfo, now: datetime) -> Window:
    """Return the next window of a calendar that begins later than now.

    Args:
        calendar: five fields as cron has them: minute, hour, day, month, weekday.
        minutes: how long it is.

    Raises:
        UsageError: a field is none, or no day is like that.
    """
    minute, hour, day, month, weekday = (
        _numbers(text, *field) for text, field in zip(_split(calendar), _FIELDS, strict=True)
    )
    weekdays = {number % 7 for number in weekday}
    for date_ in _days(now.astimezone(zone).date()):
        if date_.day not in day or date_.month not in month or date_.isoweekday() % 7 not in weekdays:
            continue
        for begins in (datetime.combine(date_, time(h, m), zone) for h in sorted(hour) for m in sorted(minute)):
            if begins.astimezone(UTC) > now and _exists(begins):
                # By the clock that goes on evenly: an hour is an hour where clocks are put back within.
                ends = (begins.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(zone)
                return Window(begins, ends, once=False)
    raise _no_calendar(calendar, "there is no such day")


def spelled(moment: datetime) -> str:
    """Return a moment as people read it, with its offset from UTC."""
    return moment.isoformat(sep=" ", timespec="minutes")


def _split(calendar: str) -> list[str]:
    fields = calendar.lower().split()
    if len(fields) != len(_FIELDS):
        raise _no_calendar(calendar, f"it has {len(fields)} fields, and not five")
    if not fields[2].startswith("*") and not fields[4].startswith("*"):
        raise _no_calendar(calendar, "it names a day and a weekday, of which cron takes either and people mean both")
    return fields


def _numbers(text: str, name: str, least: int, most: int) -> set[int]:
    """Return the numbers of a field: `*`, `5`, `1-5`, `mon-fri`, `*/15`, and several with commas between."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            low, high = least, most
        else:
            low = _number(first, name, part)
            high = _number(last, name, part) if last else (most if step else low)
        every = int(step) if step.isdecimal() else 0 if step else 1
        if not (least <= low <= high <= most and every):
            raise _no_calendar(part, f"it is no {name}: from {least} to {most}")
        found |= set(range(low, high + 1, every))
    return found


def _number(text: str, name: str, part: str) -> int:
    known = _NAMES.get(name, {})
    if text not in known and not text.isdecimal():
        raise _no_calendar(part, f"{text!r} is no {name}")
    return known[text] if text in known else int(text)


def _days(first: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range(_MOST_DAYS))


def _exists(moment: datetime) -> bool:
    return moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) == moment.replace(tzinfo=None)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _no_moment(text: str, why: str) -> UsageError:
    return UsageError(
        f"--at {text!r}: {why}.", hint="Write it as 2026-01-31T02:00, or with its offset: 2026-01-31T02:00+01:00."
    )


def _no_calendar(text: str, why: str) -> UsageError:
    return UsageError(
        f"--window {text!r}: {why}.", hint='Write five fields as cron has them: "0 2 * * sat" is Saturdays at two.'
    )
