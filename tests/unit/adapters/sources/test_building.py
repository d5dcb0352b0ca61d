"""What building takes is said before it begins."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from installer.adapters.sources.building import Building, room_for, room_needed
from installer.adapters.sources.errors import DiskTooSmall
from installer.errors import ExitCode
from installer.model.events import Event, Notice, Progress


class Told:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


def test_more_programs_need_more_room() -> None:
    assert room_needed(2, 1) > room_needed(1, 1)
    assert room_needed(1, 2) > room_needed(1, 1)


def test_a_disk_that_is_too_small_is_named_with_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DiskTooSmall, match=f"Building 1000000000 programs takes about .* GiB in {tmp_path}") as caught:
        room_for(10**9, 1, tmp_path, Told())

    assert caught.value.needed > caught.value.free
    assert caught.value.exit_code is ExitCode.INVALID_CONFIGURATION
    assert "Make room" in caught.value.hint


def test_a_disk_with_room_is_told_what_will_be_used(tmp_path: Path) -> None:
    told = Told()

    room_for(0, 0, tmp_path / "go", told)

    assert isinstance(told.events[0], Notice)
    assert str(tmp_path / "go") in told.events[0].text


def test_every_program_is_told_when_it_begins_and_counted_when_it_ends() -> None:
    told = Told()
    building = Building(2, told)

    with building.of("one from m v1"):
        pass
    with building.of("two from m v1"):
        pass

    assert told.events == [
        Notice("Building one from m v1."),
        Progress("build", "one", 1, 2, "programs"),
        Notice("Building two from m v1."),
        Progress("build", "two", 2, 2, "programs"),
    ]


def test_a_program_that_failed_is_not_counted() -> None:
    told = Told()

    with pytest.raises(ValueError, match="broken"), Building(1, told).of("one from m v1"):
        raise ValueError("broken")

    assert told.events == [Notice("Building one from m v1.")]


def test_a_program_that_takes_long_is_told_of_again_until_it_is_built() -> None:
    told, silences, spoke = Told(), iter([False, False]), threading.Event()

    def pause(over: threading.Event) -> bool:
        silence = next(silences, None)
        if silence is None:
            spoke.set()
            return over.wait(60)
        return silence

    with Building(3, told, pause, iter([0.0, 60.0, 120.0]).__next__).of("one from m v1"):
        assert spoke.wait(60)

    assert told.events == [
        Notice("Building one from m v1."),
        Notice("Building one since 1 min; 0 of 3 programs are built."),
        Notice("Building one since 2 min; 0 of 3 programs are built."),
        Progress("build", "one", 1, 3, "programs"),
    ]
