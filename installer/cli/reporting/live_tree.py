"""A live view of a run, for a terminal: what works side by side, what ended, what waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from installer.cli.console import duration, stamped
from installer.cli.reporting.plain_lines import Lines
from installer.cli.reporting.progress import RunProgress, StepProgress
from installer.model.events import Event, RunEnded, RunPlanned, StepChanged, StepStatus, StillRunning

_REFRESHES = 4
# The title, the line of what waits, the slowest task, and one line left free below.
_FRAME = 4
_MARKS = {
    StepStatus.RUNNING: ("◐", "cyan"),
    StepStatus.DONE: ("✓", "green"),
    StepStatus.UNCHANGED: ("✓", "green"),
    StepStatus.SKIPPED: ("-", "dim"),
    StepStatus.FAILED: ("✗", "bold red"),
}


class LiveTree:
    """Keeps a tree at the foot of the terminal while steps work; everything else scrolls above it."""

    def __init__(
        self, verbose: bool = False, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Draw on `console`, stderr's when absent; with `verbose`, every task scrolls by too."""
        self._console = console or Console(stderr=True, highlight=False)
        self._clock = clock
        self._start = clock()
        self._lines = Lines(verbose, clock)
        self._progress = RunProgress(clock)
        self._guard = threading.RLock()
        self._live: Live | None = None

    def emit(self, event: Event) -> None:
        """Show the event."""
        self._progress.take(event)
        with self._guard:
            if isinstance(event, RunPlanned):
                self._live = Live(
                    Tree(self._progress, self._clock),
                    console=self._console,
                    refresh_per_second=_REFRESHES,
                    transient=True,
                    redirect_stdout=False,
                    redirect_stderr=False,
                )
                self._live.start()
            elif isinstance(event, RunEnded):
                self._end()
            # The tree shows steps; only what it would forget is told in words.
            elif not isinstance(event, (StepChanged, StillRunning)) and (text := self._lines.of(event)):
                self._say(text)

    def _end(self) -> None:
        """Take the live view away, and leave what it showed last behind as lines."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            for line in tree_lines(self._progress, self._clock(), rows=None):
                self._console.print(line, soft_wrap=True)

    def _say(self, text: str) -> None:
        self._console.print(Text(stamped(self._clock() - self._start, text)), soft_wrap=True)


class Tree:
    """What rich draws: never more lines than the terminal has, never one that is too wide."""

    def __init__(self, progress: RunProgress, clock: Callable[[], float]) -> None:
        """Draw where a run stands."""
        self._progress = progress
        self._clock = clock

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = max(1, console.size.height - _FRAME)
        for line in tree_lines(self._progress, self._clock(), rows):
            line.no_wrap, line.overflow = True, "ellipsis"
            line.truncate(options.max_width, overflow="ellipsis")
            yield line


def tree_lines(progress: RunProgress, now: float, rows: int | None) -> Iterator[Text]:
    """Yield the lines of the tree.

    Args:
        rows: the lines components may take; what ended first gives way to what works.
    """
    steps = progress.steps()
    ended = sum(step.status not in (None, StepStatus.RUNNING) for step in steps)
    yield Text(f"{progress.command}  {ended} of {len(steps)} steps, {duration(now - progress.began)}", style="bold")
    yield from _components(steps, now, rows)
    waiting = [step.name for step in steps if step.status is None]
    if waiting:
        yield Text(f"  · {len(waiting)} wait: {', '.join(waiting)}", style="dim")
    step, task, seconds = progress.slowest()
    if task:
        yield Text(f"  slowest: {duration(seconds)}  {step}: {task}", style="dim")


def _components(steps: Sequence[StepProgress], now: float, rows: int | None) -> Iterable[Text]:
    begun = sorted((step for step in steps if step.status is not None), key=lambda step: step.component)
    groups = [list(group) for _, group in groupby(begun, key=lambda step: step.component)]
    groups.sort(key=lambda group: min(step.began for step in group))
    if rows is not None and len(groups) > rows:
        # What works or failed stays; then what ended last.
        ordered = sorted(groups, key=lambda group: (_settled(group), -max(step.began + step.seconds for step in group)))
        shown = ordered[: max(1, rows - 1)]
        yield Text(f"  ✓ {len(groups) - len(shown)} more", style="dim")
        groups = [group for group in groups if group in shown]
    width = max((len(group[0].component) for group in groups), default=0)
    for group in groups:
        yield _component(group, now, width)


def _settled(group: Sequence[StepProgress]) -> bool:
    return not any(step.status in (StepStatus.RUNNING, StepStatus.FAILED) for step in group)


def _component(group: Sequence[StepProgress], now: float, width: int) -> Text:
    statuses = [step.status for step in group]
    worst = next((status for status in (StepStatus.FAILED, StepStatus.RUNNING) if status in statuses), StepStatus.DONE)
    mark, style = _MARKS[worst]
    line = Text.assemble("  ", (mark, style), f" {group[0].component:<{width}}")
    for step in group:
        seconds = now - step.began if step.status is StepStatus.RUNNING else step.seconds
        changed = f", {step.changed} changed" if step.changed else ""
        line.append(f"  {step.verb} {duration(seconds)}{changed}", style=_MARKS[step.status][1] if step.status else "")
    for step in group:
        if step.task and step.status is StepStatus.RUNNING:
            line.append(f"  {step.task} ({duration(now - step.task_began)})", style="dim")
    return line
