"""What the journal does when it is damaged, held, or told of half a truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.journal import SqliteJournal, holder, only_one
from installer.errors import StateDamaged, StateLocked
from installer.model.plan import Step
from tests.fakes import BAD, GOOD, parts

DEPLOY, VERIFY = Step("base", "deploy", "all"), Step("base", "verify", "all")
PARTIAL = Step("base", "verify", "all", partial=True)


def deployed(journal: SqliteJournal) -> int:
    run = journal.begin_run("install", "bundle-1")
    journal.begin_step(run, DEPLOY, parts(version="base 1"))
    journal.end_step(run, DEPLOY, GOOD)
    return run


def test_a_journal_that_is_none_is_told_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"this is no database, " * 100)

    with pytest.raises(StateDamaged) as caught:
        SqliteJournal(tmp_path / "journal.db")

    assert f"mv {tmp_path}/journal.db" in caught.value.hint


def test_a_journal_with_a_torn_page_is_told_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    for _ in range(200):
        deployed(journal)
    journal.close()
    content = bytearray(path.read_bytes())
    content[4096 : 2 * 4096] = b"\xff" * 4096
    path.write_bytes(content)

    with pytest.raises(StateDamaged, match="is damaged"):
        SqliteJournal(path)


def test_a_journal_that_cannot_be_written_says_what_to_look_at(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()

    with pytest.raises(StateDamaged, match="cannot be opened"):
        SqliteJournal(tmp_path / "journal.db")


def test_a_second_operator_is_told_who_is_at_work_and_how_to_end_it(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(StateLocked) as caught, only_one(tmp_path):
        pass

    assert "process " in caught.value.summary
    assert "since " in caught.value.summary
    assert "`kill " in caught.value.hint


def test_a_lock_of_another_machine_is_told_with_that_machine(tmp_path: Path) -> None:
    with only_one(tmp_path):
        (tmp_path / "lock").write_text("process 7 of ada on far.example.com, since 2026-01-01T10:00:00+00:00")

        with pytest.raises(StateLocked, match=r"far\.example\.com") as caught, only_one(tmp_path):
            pass

    assert "end it on far.example.com with `kill 7`" in caught.value.hint


def test_whoever_asks_who_is_at_work_holds_nobody_up(tmp_path: Path) -> None:
    assert holder(tmp_path) == ""
    with only_one(tmp_path):
        assert holder(tmp_path).startswith("process ")
    assert holder(tmp_path) == ""


def test_some_hosts_do_not_make_a_component_good(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    run = deployed(journal)

    journal.begin_step(run, PARTIAL, None)
    journal.end_step(run, PARTIAL, GOOD)

    assert not journal.deployed()["base"].good


def test_some_hosts_make_a_good_component_bad(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    run = deployed(journal)
    for step, result in ((VERIFY, GOOD), (PARTIAL, BAD)):
        journal.begin_step(run, step, None)
        journal.end_step(run, step, result)

    assert not journal.deployed()["base"].good


def test_the_version_that_was_deployed_is_remembered(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")

    deployed(journal)

    assert [(row["name"], row["version"]) for row in journal.components()] == [("base", "base 1")]


def test_a_component_that_was_removed_from_some_hosts_is_no_longer_good_and_not_forgotten(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    run = deployed(journal)
    for step in (VERIFY, Step("base", "remove", "all", partial=True)):
        journal.begin_step(run, step, None)
        journal.end_step(run, step, GOOD)

    assert not journal.deployed()["base"].good
