"""Windows are found in the time zone that is said, and nothing is guessed where its clocks are moved."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from installer.engine.release_times import at_moment, next_window, spelled, zone_of
from installer.errors import UsageError

# A Saturday.
NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
BERLIN = zone_of("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("2026-02-01T02:00", "2026-02-01T01:00:00Z"),
        ("2026-07-01 02:00", "2026-07-01T00:00:00Z"),
        ("2026-02-01T02:00Z", "2026-02-01T02:00:00Z"),
        ("2026-02-01T02:00-05:00", "2026-02-01T07:00:00Z"),
    ],
)
def test_a_moment_is_in_the_zone_unless_it_has_an_offset(text: str, begins: str) -> None:
    window = at_moment(text, BERLIN)

    assert window.moments()[0] == begins
    assert window.once


def test_a_moment_has_five_minutes_for_the_timer() -> None:
    assert at_moment("2026-02-01T02:00", UTC).moments() == ("2026-02-01T02:00:00Z", "2026-02-01T02:05:00Z")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tonight", "no time by ISO 8601"),
        ("2026-02-01", "a day without a time"),
        ("2026-03-29T02:30", "put forward over it"),
        ("2026-10-25T02:30", "show it twice"),
    ],
)
def test_what_is_no_moment_or_not_one_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        at_moment(text, BERLIN)


@pytest.mark.parametrize(
    ("calendar", "begins"),
    [
        ("0 2 * * *", "2026-02-01T01:00:00Z"),
        ("30 14 * * *", "2026-01-31T13:30:00Z"),
        ("0 13 * * *", "2026-02-01T12:00:00Z"),
        ("0 2 * * tue,thu", "2026-02-03T01:00:00Z"),
        ("0 2 * * mon-fri", "2026-02-02T01:00:00Z"),
        ("0 2 * * 7", "2026-02-01T01:00:00Z"),
        ("0 2 15 * *", "2026-02-15T01:00:00Z"),
        ("0 2 29 feb *", "2028-02-29T01:00:00Z"),
        ("*/20 22-23 * * *", "2026-01-31T21:00:00Z"),
        ("15/30 22 * * *", "2026-01-31T21:15:00Z"),
    ],
)
def test_the_next_window_of_a_calendar_is_found(calendar: str, begins: str) -> None:
    window = next_window(calendar, 90, BERLIN, NOW)

    assert window.moments()[0] == begins
    assert not window.once


def test_a_window_is_as_long_as_is_said_where_clocks_are_moved_within() -> None:
    window = next_window("0 1 29 3 *", 120, BERLIN, NOW)

    assert window.moments() == ("2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z")
    assert (spelled(window.begins), spelled(window.ends)) == ("2026-03-29 01:00+01:00", "2026-03-29 04:00+02:00")


def test_a_window_that_clocks_are_put_forward_over_is_the_next_one() -> None:
    assert next_window("30 2 * mar sun", 60, BERLIN, datetime(2026, 3, 23, tzinfo=UTC)).moments()[0] == (
        "2027-03-07T01:30:00Z"
    )


@pytest.mark.parametrize(
    ("calendar", "said"),
    [
        ("0 2 * *", "it has 4 fields"),
        ("0 25 * * *", "it is no hour: from 0 to 23"),
        ("0 2 * * someday", "'someday' is no weekday"),
        ("0 5-2 * * *", "it is no hour"),
        ("*/0 2 * * *", "it is no minute"),
        ("*/x 2 * * *", "it is no minute"),
        ("0 2 31 feb *", "there is no such day"),
        ("0 2 1 * mon", "a day and a weekday"),
    ],
)
def test_what_is_no_calendar_is_refused(calendar: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        next_window(calendar, 60, UTC, NOW)


def test_a_time_zone_that_is_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match="There is no time zone Mars/Olympus"):
        zone_of("Mars/Olympus")
