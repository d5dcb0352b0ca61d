"""The journal remembers what was done, whatever is killed."""

from __future__ import annotations

import sqlite3
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from installer.adapters.journal import SqliteJournal, only_one
from installer.errors import StateLocked
from installer.model.plan import Step, StepResult, TaskFailure
from tests.fakes import BAD, GOOD, parts

DEPLOY, VERIFY, REMOVE = (Step("storage", verb, "all") for verb in ("deploy", "verify", "remove"))


@pytest.fixture
def journal(tmp_path: Path) -> SqliteJournal:
    return SqliteJournal(tmp_path / "journal.db")


def do(journal: SqliteJournal, *steps: tuple[Step, StepResult]) -> int:
    """Write a run of steps down."""
    run = journal.begin_run("install", "bundle-1")
    for step, result in steps:
        journal.begin_step(run, step, parts())
        journal.end_step(run, step, result)
    return run


def test_a_new_journal_knows_nothing(journal: SqliteJournal) -> None:
    assert journal.deployed() == {}
    assert journal.last_run() is None


@pytest.mark.parametrize(
    ("steps", "good"),
    [
        ([(DEPLOY, GOOD), (VERIFY, GOOD)], True),
        ([(DEPLOY, GOOD)], False),
        ([(DEPLOY, BAD)], False),
        ([(DEPLOY, GOOD), (VERIFY, BAD)], False),
        ([(DEPLOY, GOOD), (VERIFY, GOOD), (VERIFY, BAD)], False),
        ([(DEPLOY, GOOD), (VERIFY, BAD), (VERIFY, GOOD)], True),
        ([(DEPLOY, GOOD), (VERIFY, GOOD), (DEPLOY, GOOD)], False),
    ],
    ids=["verified", "not verified", "failed", "broken", "broken later", "mended", "deployed again"],
)
def test_only_what_is_deployed_and_verified_is_good(
    journal: SqliteJournal, steps: list[tuple[Step, StepResult]], good: bool
) -> None:
    do(journal, *steps)

    assert journal.deployed()["storage"].good is good


def test_a_deployment_that_was_killed_is_not_good_and_its_parts_are_known(journal: SqliteJournal) -> None:
    do(journal, (DEPLOY, GOOD), (VERIFY, GOOD))

    journal.begin_step(journal.begin_run("install", "bundle-2"), DEPLOY, parts(role="newer"))

    known = journal.deployed()["storage"]
    assert (known.good, known.parts) == (False, asdict(parts(role="newer")))


def test_what_is_removed_is_forgotten(journal: SqliteJournal) -> None:
    do(journal, (DEPLOY, GOOD), (VERIFY, GOOD), (REMOVE, GOOD))

    assert journal.deployed() == {}


def test_what_could_not_be_removed_is_still_known(journal: SqliteJournal) -> None:
    do(journal, (DEPLOY, GOOD), (VERIFY, GOOD), (REMOVE, BAD))

    assert "storage" in journal.deployed()


def test_a_run_that_was_killed_is_closed_by_the_next(journal: SqliteJournal, tmp_path: Path) -> None:
    journal.begin_run("install", "bundle-1")

    journal.begin_run("install", "bundle-1")

    outcomes = sqlite3.connect(tmp_path / "journal.db").execute("SELECT outcome FROM runs ORDER BY id").fetchall()
    assert outcomes == [("killed",), (None,)]


def test_the_last_run_is_told(journal: SqliteJournal) -> None:
    journal.end_run(do(journal), "good")

    last = journal.last_run()

    assert last is not None
    assert (last["command"], last["bundle"], last["outcome"]) == ("install", "bundle-1", "good")


def test_the_least_disturbed_time_of_each_step_is_told(journal: SqliteJournal) -> None:
    slow = StepResult(ok=True, changed=2, seconds=9.0)
    broken = StepResult(ok=False, changed=0, seconds=0.1, failures=(TaskFailure("a", "b", "c"),))

    do(journal, (DEPLOY, slow), (VERIFY, GOOD))
    do(journal, (DEPLOY, GOOD))
    do(journal, (DEPLOY, broken))

    assert journal.durations() == {"storage deploy": GOOD.seconds, "storage verify": GOOD.seconds}


def test_what_may_not_stand_any_more_is_not_good(journal: SqliteJournal) -> None:
    do(journal, (DEPLOY, GOOD), (VERIFY, GOOD))

    journal.doubt(["storage", "unknown"])

    assert {name: deployed.good for name, deployed in journal.deployed().items()} == {"storage": False}


def test_another_process_reads_what_was_written(journal: SqliteJournal, tmp_path: Path) -> None:
    do(journal, (DEPLOY, GOOD), (VERIFY, GOOD))

    assert SqliteJournal(tmp_path / "journal.db").deployed()["storage"].good


def test_only_its_owner_reads_the_journal(journal: SqliteJournal, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "journal.db").stat().st_mode) == 0o600


def test_a_second_operator_is_kept_out_and_told_who_works(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(StateLocked) as caught, only_one(tmp_path):
        pass

    assert "process" in caught.value.summary
    assert "since" in caught.value.summary


def test_the_site_is_free_when_the_first_has_ended(tmp_path: Path) -> None:
    with only_one(tmp_path):
        pass

    with only_one(tmp_path):
        held = (tmp_path / "lock").read_text()

    assert held.startswith("process")
