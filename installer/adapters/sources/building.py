"""What building programs takes, said beforehand, and how far it is."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installer.adapters.sources.errors import DiskTooSmall
from installer.model.events import Notice, Progress
from installer.ports import Reporter

_GIB = 1 << 30
# Measured with all programs of a Kubernetes platform: compiled packages of one program, a module's sources.
_A_PROGRAM = 0.45 * _GIB
_A_MODULE = 0.45 * _GIB


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
    """Counts programs as they are built. May be used by several threads."""

    def __init__(self, total: int, reporter: Reporter) -> None:
        """Expect `total` programs."""
        self._total = total
        self._reporter = reporter
        self._done = 0
        self._guard = threading.Lock()

    @contextmanager
    def of(self, program: str) -> Iterator[None]:
        """Say that a program is being built, and that it is when it is."""
        self._reporter.emit(Notice(f"Building {program}."))
        yield
        with self._guard:
            self._done += 1
            total = max(self._total, self._done)
            self._reporter.emit(Progress("build", program.partition(" ")[0], self._done, total, "programs"))
