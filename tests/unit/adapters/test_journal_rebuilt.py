"""The journal knows since when a site is another one than a backup was made of."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from installer.adapters.journal import SqliteJournal
from installer.model.plan import Step, StepResult, TaskFailure

BACKUP = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BARE = StepResult(ok=False, changed=0, seconds=1.0, failures=(TaskFailure("cp1", "verify | All", "bare", bare=True),))
FAILED = StepResult(ok=False, changed=0, seconds=1.0, failures=(TaskFailure("cp1", "verify | All", "It broke."),))


def journal_of(folder: Path, *runs: tuple[str, float, StepResult | None]) -> SqliteJournal:
    """Return a journal of runs: the command, the hours after the backup, and how a step of it ended."""
    journal = SqliteJournal(folder / "journal.db")
    for command, hours, result in runs:
        run, step = journal.begin_run(command, "bundle"), Step("storage", "verify", "all")
        if result is not None:
            journal.begin_step(run, step, None)
            journal.end_step(run, step, result)
        with sqlite3.connect(folder / "journal.db") as connection:
            began = (BACKUP + hours * HOUR).isoformat(timespec="seconds")
            connection.execute("UPDATE runs SET began = ? WHERE id = ?", (began, run))
    return journal


@pytest.mark.parametrize(
    ("runs", "hours"),
    [
        ([("install", -2, None)], None),
        ([("install", -2, None), ("install", 1, FAILED)], None),
        ([("install", -2, BARE), ("install", 1, None)], None),
        ([("install", -2, None), ("install", 1, BARE), ("install", 2, None)], 1),
        ([("install", -2, None), ("reset", 1, None), ("install", 2, None), ("install", 3, None)], 2),
        ([("install", 1, None), ("restore", 2, None)], 1),
        ([], None),
    ],
    ids=["stands", "mended", "bare before", "bare since", "reset since", "another journal", "no journal"],
)
def test_a_site_that_was_set_up_anew_is_known(
    tmp_path: Path, runs: list[tuple[str, float, StepResult | None]], hours: float | None
) -> None:
    found = journal_of(tmp_path, *runs).rebuilt_since(BACKUP)

    assert found == (None if hours is None else BACKUP + hours * HOUR)


def test_the_last_run_of_a_command_is_known(tmp_path: Path) -> None:
    journal = journal_of(tmp_path, ("install", 1, None), ("verify", 2, None))

    assert (journal.last_run_of("install") or {})["id"] == 1
    assert journal.last_run_of("remove") is None
