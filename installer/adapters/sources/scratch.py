"""Work under way on disk: private folders, locks, and files that are whole or not there.

Everything here may be killed at any instant; what is left behind is found and removed later.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installer.adapters.process import run

_PREFIX = "work-"


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock that also keeps other processes out; it falls when this one dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as guard:
        fcntl.flock(guard, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextmanager
def locked_alone(path: Path) -> Iterator[bool]:
    """Yield whether the lock could be had at once, and hold it if so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as guard:
        yield _try(guard.fileno())


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a new empty folder below `parent`, which is gone afterwards.

    Folders that killed processes left there go too: nobody holds their lock.
    """
    clean_up(parent)
    with locked(parent / ".lock"):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        guard = (folder / "lock").open("w")
        fcntl.flock(guard, fcntl.LOCK_EX)
    try:
        content = folder / "content"
        content.mkdir()
        yield content
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        guard.close()


def clean_up(parent: Path) -> None:
    """Remove the scratch folders that killed processes left below `parent`."""
    with locked(parent / ".lock"):
        for left in parent.glob(f"{_PREFIX}*"):
            _remove_abandoned(left)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there with all its bytes or not at all; one writer at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def settle(folder: Path) -> None:
    """Have everything written below a folder on the disk, before a name says that it is whole."""
    run(["sync", "--file-system", str(folder)])


def empty_folder(folder: Path) -> None:
    """Delete what a folder holds, but not the folder, which may be a link to a larger disk.

    Each entry is first moved away by its name, so that a killed deletion leaves no half of it behind.
    """
    doomed = folder / ".dropped"
    doomed.mkdir(parents=True, exist_ok=True)
    for number, entry in enumerate(sorted(folder.iterdir())):
        if entry != doomed:
            entry.rename(doomed / f"{os.getpid()}-{number}-{entry.name}")
    # Several times quicker than doing it here, and compile caches hold some hundred thousand files.
    run(["rm", "--recursive", "--force", "--one-file-system", str(doomed)])


def _remove_abandoned(folder: Path) -> None:
    try:
        with (folder / "lock").open("r+") as guard:
            if _try(guard.fileno()):
                shutil.rmtree(folder, ignore_errors=True)
    except FileNotFoundError:
        # Killed before it had a lock, or its owner is just removing it.
        shutil.rmtree(folder, ignore_errors=True)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
