"""What building programs takes, said beforehand, and how far it is."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from installer.adapters.sources.errors import DiskTooSmall
from installer.model.events import Notice, Progress
from installer.ports import Reporter

_GIB = 1 << 30
# Measured with all programs of a Kubernetes platform: compiled packages of one program, a module's sources.
_A_PROGRAM = 0.45 * _GIB
_A_MODULE = 0.45 * _GIB
# A program of Kubernetes takes minutes, and the compiler says nothing meanwhile.
_SILENCE_SECONDS = 60.0


def room_needed(programs: int, modules: int) -> int:
    """Return about how many bytes building takes until its caches are dropped."""
    return int(programs * _A_PROGRAM + modules * _A_MODULE)


def room_for(programs: int, modules: int, folder: Path, reporter: Reporter) -> None:
    """Say what building will take in a folder.

    Raises:
        DiskTooSmall: there is less.
    """
    folder.mkdir(parents=True, exist_ok=True)
    needed, free = room_needed(programs, modules), shutil.disk_usage(folder).free
    if free < needed:
        raise DiskTooSmall(folder, needed, free, programs)
    reporter.emit(
        Notice(
            f"Programs to build: {programs}, of {modules} Go modules. It takes up to {needed / _GIB:.1f} GiB "
            f"in {folder}, most of it free again afterwards. What is finished is kept."
        )
    )


class Building:
    """Counts programs as they are built, and says now and then what is being built. May be used by several threads."""

    def __init__(
        self,
        total: int,
        reporter: Reporter,
        pause: Callable[[threading.Event], bool] = lambda over: over.wait(_SILENCE_SECONDS),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Expect `total` programs.

        Args:
            pause: waits until it is time to speak up again, or the building is over: then it returns True.
        """
        self._total = total
        self._reporter = reporter
        self._pause = pause
        self._clock = clock
        self._done = 0
        self._guard = threading.Lock()

    @contextmanager
    def of(self, program: str) -> Iterator[None]:
        """Say that a program is being built, now and then that it still is, and that it is when it is."""
        self._reporter.emit(Notice(f"Building {program}."))
        name, over = program.partition(" ")[0], threading.Event()
        watch = threading.Thread(target=self._watch, args=(name, over), name=f"building {name}", daemon=True)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()
        with self._guard:
            self._done += 1
            self._reporter.emit(Progress("build", name, self._done, self._all, "programs"))

    @property
    def _all(self) -> int:
        """Return how many programs there are; more than expected may come to be built."""
        return max(self._total, self._done)

    def _watch(self, name: str, over: threading.Event) -> None:
        began = self._clock()
        while not self._pause(over):
            minutes = (self._clock() - began) / 60
            self._reporter.emit(
                Notice(f"Building {name} since {minutes:.0f} min; {self._done} of {self._all} programs are built.")
            )
