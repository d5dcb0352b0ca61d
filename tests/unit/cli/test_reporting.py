"""What a run says while it works: plain lines, JSON lines, a live tree."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from installer.cli.reporting.heartbeat import Heartbeat
from installer.cli.reporting.json_lines import JsonLines, event_name
from installer.cli.reporting.live_tree import LiveTree, Tree, tree_lines
from installer.cli.reporting.plain_lines import PlainLines
from installer.cli.reporting.progress import RunProgress
from installer.model.events import (
    Event,
    Notice,
    PhaseStarted,
    Progress,
    RunEnded,
    RunPlanned,
    StepChanged,
    StepFailed,
    StepStatus,
    StillRunning,
    TaskChanged,
    TaskEnded,
    Warned,
)
from tests.fakes import RecordingReporter, Ticks

PLANNED = RunPlanned("install", ("base deploy", "base verify", "api deploy"))


def begun(step: str) -> StepChanged:
    return StepChanged(step, StepStatus.RUNNING)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Notice("Hello."), "Hello."),
        (Warned("Careful."), "WARNING Careful."),
        (PhaseStarted("plan"), "== plan"),
        (PLANNED, "install: 3 steps"),
        (begun("base deploy"), "base deploy …"),
        (StepChanged("base deploy", StepStatus.DONE, 72.4, 3), "base deploy done in 1 min 12 s, 3 changed"),
        (StepChanged("base verify", StepStatus.UNCHANGED, 0.5), "base verify unchanged in 0.5 s"),
        (StillRunning("base deploy", "deploy | Wait", 65.0), "base deploy works on since 1 min 05 s: deploy | Wait"),
        (RunEnded("good", 93.0, 7), "good after 1 min 33 s, 7 changed"),
    ],
)
def test_a_plain_line_has_the_seconds_and_the_words(event: Event, line: str) -> None:
    stream, clock = io.StringIO(), Ticks()
    reporter = PlainLines(stream, clock=clock)
    clock.now = 12.34

    reporter.emit(event)

    assert stream.getvalue() == f"   12.3s  {line}\n"


def test_a_failure_is_told_whole_in_plain_lines() -> None:
    stream = io.StringIO()

    PlainLines(stream, clock=Ticks()).emit(StepFailed("base deploy", "cp1", "deploy | Start", "line 1\nline 2"))

    assert stream.getvalue().splitlines() == [
        "    0.0s  FAILED base deploy: deploy | Start, on cp1:",
        "            line 1",
        "            line 2",
    ]


def test_tasks_are_told_only_when_everything_is_asked_for() -> None:
    quiet, verbose = io.StringIO(), io.StringIO()

    for stream, all_of_it in ((quiet, False), (verbose, True)):
        PlainLines(stream, all_of_it, Ticks()).emit(TaskEnded("base deploy", "deploy | Copy", "cp1", 1.5, True))

    assert quiet.getvalue() == ""
    assert "deploy | Copy on cp1 1.5 s changed" in verbose.getvalue()


def test_progress_speaks_every_few_seconds_with_a_rate() -> None:
    stream, clock = io.StringIO(), Ticks()
    reporter = PlainLines(stream, clock=clock)

    for second in range(12):
        clock.now = float(second)
        reporter.emit(Progress("copying", f"blob {second}", second << 20, 100 << 20))

    assert [line.split("  ")[-1] for line in stream.getvalue().splitlines()] == ["blob 5", "blob 10"]
    assert "5.0 MiB of 100.0 MiB, 1.0 MiB/s" in stream.getvalue()


def test_progress_tells_items_where_they_are_counted() -> None:
    stream, clock = io.StringIO(), Ticks()
    reporter = PlainLines(stream, clock=clock)

    for second in range(12):
        clock.now = float(second)
        reporter.emit(Progress("verify", "blob", second << 20, 100 << 20, items_done=second, items=70))

    assert "5.0 MiB of 100.0 MiB, 5 of 70 items, 1.0 MiB/s" in stream.getvalue()


class Gone(io.StringIO):
    """A pipe whose reader has gone."""

    tried = False

    def write(self, text: str) -> int:
        self.tried = True
        raise BrokenPipeError


@pytest.mark.parametrize("kind", [PlainLines, JsonLines])
def test_a_reader_who_has_gone_does_not_end_the_run(kind: type[PlainLines] | type[JsonLines]) -> None:
    stream = Gone()

    kind(stream).emit(Notice("Is anybody there?"))

    assert stream.tried


def test_a_json_line_has_the_events_name_its_time_and_its_fields() -> None:
    stream = io.StringIO()

    JsonLines(stream, lambda: datetime(2026, 1, 1, 10, tzinfo=UTC)).emit(
        StepChanged("base deploy", StepStatus.DONE, 2.5, 1)
    )

    assert json.loads(stream.getvalue()) == {
        "event": "step_changed",
        "time": "2026-01-01T10:00:00.000+00:00",
        "step": "base deploy",
        "status": "done",
        "seconds": 2.5,
        "changed": 1,
    }


def test_events_are_named_in_small_letters() -> None:
    assert [event_name(kind) for kind in (Notice, RunPlanned, StillRunning)] == [
        "notice",
        "run_planned",
        "still_running",
    ]


def test_a_silent_step_is_told_of_each_half_minute() -> None:
    inner, clock = RecordingReporter(), Ticks()
    reporter = Heartbeat(inner, 30.0, clock)
    reporter.emit(begun("base deploy"))
    reporter.emit(TaskChanged("base deploy", "deploy | Wait"))

    for second in range(0, 100, 5):
        clock.now = float(second)
        reporter.beat()

    assert inner.of(StillRunning) == [
        StillRunning("base deploy", "deploy | Wait", seconds) for seconds in (30.0, 60.0, 90.0)
    ]


def test_a_step_that_ended_is_silent() -> None:
    inner, clock = RecordingReporter(), Ticks()
    reporter = Heartbeat(inner, 30.0, clock)
    reporter.emit(begun("base deploy"))
    reporter.emit(StepChanged("base deploy", StepStatus.DONE, 3.0))
    clock.now = 60.0

    reporter.beat()

    assert inner.of(StillRunning) == []


def run_so_far(clock: Ticks) -> RunProgress:
    """Return a run in which one step ended, one works and one waits."""
    progress = RunProgress(clock)
    progress.take(PLANNED)
    progress.take(begun("base deploy"))
    clock.now = 4.0
    progress.take(TaskEnded("base deploy", "deploy | Unpack", "cp1", 3.5, True))
    progress.take(StepChanged("base deploy", StepStatus.DONE, 4.0, 2))
    progress.take(begun("base verify"))
    progress.take(TaskChanged("base verify", "verify | Use it"))
    clock.now = 6.0
    return progress


def test_the_tree_shows_what_ended_what_works_what_waits_and_the_slowest_task() -> None:
    clock = Ticks()

    lines = [line.plain for line in tree_lines(run_so_far(clock), clock.now, rows=20)]

    assert lines == [
        "install  1 of 3 steps, 6.0 s",
        "  ◐ base  deploy 4.0 s, 2 changed  verify 2.0 s  verify | Use it (2.0 s)",
        "  · 1 wait: api deploy",
        "  slowest: 3.5 s  base deploy: deploy | Unpack",
    ]


@pytest.mark.parametrize(("width", "height"), [(10, 3), (20, 5), (40, 24), (200, 60)])
def test_the_tree_never_outgrows_the_terminal(width: int, height: int) -> None:
    clock = Ticks()
    progress = RunProgress(clock)
    progress.take(RunPlanned("install", tuple(f"component_{number} deploy" for number in range(30))))
    for number in range(25):
        progress.take(begun(f"component_{number} deploy"))
        progress.take(TaskChanged(f"component_{number} deploy", "a task with a very long name " * 10))
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)

    console.print(Tree(progress, clock))

    shown = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(shown) <= max(height, 5)
    assert all(len(line) <= width for line in shown)


def test_what_works_is_shown_before_what_ended_when_there_is_no_room() -> None:
    clock = Ticks()
    progress = RunProgress(clock)
    progress.take(RunPlanned("install", tuple(f"c{number} deploy" for number in range(10))))
    for number in range(10):
        progress.take(begun(f"c{number} deploy"))
        if number:
            progress.take(StepChanged(f"c{number} deploy", StepStatus.DONE, 1.0))

    lines = [line.plain for line in tree_lines(progress, clock.now, rows=3)]

    assert lines[1] == "  ✓ 8 more"
    assert any("◐ c0" in line for line in lines)


def live(width: int = 80) -> tuple[LiveTree, Console]:
    console = Console(file=io.StringIO(), width=width, height=24, force_terminal=False, color_system=None)
    return LiveTree(console=console, clock=Ticks()), console


def test_what_the_tree_showed_last_stays_when_the_run_has_ended() -> None:
    reporter, console = live()

    for event in (
        PLANNED,
        begun("base deploy"),
        StepChanged("base deploy", StepStatus.DONE, 4.0),
        RunEnded("good", 4.0, 0),
    ):
        reporter.emit(event)

    assert "✓ base  deploy 4.0 s" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_failure_is_printed_whole_however_narrow_the_terminal_is() -> None:
    reporter, console = live(width=20)
    message = "a message that is longer than the terminal is wide"

    for event in (PLANNED, StepFailed("base deploy", "cp1", "deploy | Start", message), RunEnded("failed", 4.0, 0)):
        reporter.emit(event)

    assert message in console.file.getvalue()  # type: ignore[attr-defined]


def test_markup_in_what_hosts_said_is_printed_as_it_is() -> None:
    reporter, console = live()

    reporter.emit(Notice("[red]not red[/red] [/]"))

    assert "[red]not red[/red] [/]" in console.file.getvalue()  # type: ignore[attr-defined]


def test_nothing_is_coloured_where_colour_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    clock = Ticks()

    console.print(Tree(run_so_far(clock), clock))

    assert "\x1b[3" not in console.file.getvalue()  # type: ignore[attr-defined]
