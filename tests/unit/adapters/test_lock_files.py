"""A lock on disk, and one that stands in for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.lock_files import read_lock, stands_in, write_lock
from installer.errors import InvalidConfiguration
from installer.model.artifact import Lock, digest_of

LOCK = Lock("platform-lock/1", "build", ("linux/amd64",), ())


def stand_in(path: Path, original: Path) -> None:
    write_lock(path, Lock("platform-lock/1", "build", (), (), based_on=digest_of(original.read_bytes())))


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_lock(tmp_path / "lock.json", LOCK)

    assert read_lock(tmp_path / "lock.json") == LOCK
    assert "based_on" not in (tmp_path / "lock.json").read_text()


def test_a_lock_stands_in_for_the_one_it_was_made_from(tmp_path: Path) -> None:
    write_lock(tmp_path / "own.json", LOCK)
    stand_in(tmp_path / "other.json", tmp_path / "own.json")

    assert stands_in(tmp_path / "other.json", tmp_path / "own.json")


def test_a_lock_does_not_stand_in_for_one_that_changed_since(tmp_path: Path) -> None:
    write_lock(tmp_path / "own.json", LOCK)
    stand_in(tmp_path / "other.json", tmp_path / "own.json")
    write_lock(tmp_path / "own.json", Lock("platform-lock/1", "upstream", (), ()))

    assert not stands_in(tmp_path / "other.json", tmp_path / "own.json")


@pytest.mark.parametrize("content", [None, "", "{}", "nonsense"])
def test_what_is_no_lock_stands_in_for_none(tmp_path: Path, content: str | None) -> None:
    write_lock(tmp_path / "own.json", LOCK)
    if content is not None:
        (tmp_path / "other.json").write_text(content)

    assert not stands_in(tmp_path / "other.json", tmp_path / "own.json")


def test_an_inventorys_lock_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "lock.json").write_text("{}")

    with pytest.raises(InvalidConfiguration, match="the lock") as caught:
        read_lock(tmp_path / "lock.json")

    assert caught.value.problems[0].where == str(tmp_path / "lock.json")
