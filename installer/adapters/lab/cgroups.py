"""Control groups of lab hosts, on the hybrid hierarchy of version 1.

Each host gets a group of its own in every hierarchy, which the host sees as its root. The groups
also say which processes belong to a host, whatever was killed before it could be written down.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_CONTROLLERS = ("cpu", "cpuacct", "cpuset", "blkio", "devices", "freezer", "pids", "systemd", "unified", "memory")
_REMOVAL_SECONDS = 20.0


def hierarchies(root: Path = ROOT) -> tuple[Path, ...]:
    """Return the hierarchies this machine mounts."""
    return tuple(root / name for name in _CONTROLLERS if (root / name / "cgroup.procs").exists())


def create(name: str, memory: int, record: Path, root: Path = ROOT) -> tuple[Path, ...]:
    """Make a host's groups and return them.

    Args:
        memory: bytes the host may use.
        record: a file that lists the groups, written before the first is made.
    """
    groups = {hierarchy.name: _location(hierarchy, name) for hierarchy in hierarchies(root)}
    record.write_text("".join(f"{group}\n" for group in groups.values()))
    for controller, group in groups.items():
        group.mkdir(exist_ok=True)
        if controller == "cpuset":
            for setting in ("cpuset.cpus", "cpuset.mems"):
                (group / setting).write_text((group.parent / setting).read_text())
        elif controller == "memory":
            (group / "memory.limit_in_bytes").write_text(str(memory))
    return tuple(groups.values())


def _location(hierarchy: Path, name: str) -> Path:
    """Return where a host's group lies; for memory below this process's own, which limits it too."""
    if hierarchy.name != "memory":
        return hierarchy / name
    own = next(
        (line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines() if ":memory:" in line),
        "/",
    )
    return hierarchy / own.strip("/") / name


def processes(name: str, record: Path) -> frozenset[int]:
    """Return the processes in any of a host's groups or below them."""
    found: set[int] = set()
    for group in _groups(name, record):
        for place in with_all_below(group):
            with contextlib.suppress(OSError):
                found.update(int(line) for line in (place / "cgroup.procs").read_text().split())
    return frozenset(found)


def remove(name: str, record: Path) -> None:
    """Remove a host's groups with everything the host made below them.

    Raises:
        OSError: a group still holds a process after a while.
    """
    end = time.monotonic() + _REMOVAL_SECONDS
    while True:
        left = [group for group in _groups(name, record) if group.exists()]
        for group in left:
            for place in reversed(list(with_all_below(group))):
                with contextlib.suppress(OSError):
                    place.rmdir()
        left = [group for group in left if group.exists()]
        if not left:
            record.unlink(missing_ok=True)
            return
        if time.monotonic() > end:
            raise OSError(f"the control group {left[0]} still holds processes")
        time.sleep(0.1)


def memory_used(name: str, record: Path) -> int:
    """Return the bytes a host uses, its page cache excepted."""
    for group in _groups(name, record):
        statistics = group / "memory.stat"
        if statistics.exists():
            values = dict(line.split() for line in statistics.read_text().splitlines())
            return int(values.get("total_rss", 0))
    return 0


def thaw(name: str, record: Path) -> None:
    """Let frozen processes run, so that they can end."""
    for group in _groups(name, record):
        for place in with_all_below(group):
            state = place / "freezer.state"
            with contextlib.suppress(OSError):
                if state.read_text().strip() != "THAWED":
                    state.write_text("THAWED")


def with_all_below(group: Path) -> Iterator[Path]:
    """Yield a group and those below it, each before what is in it; a host at work takes them away meanwhile."""
    # Unlike a glob, this walk takes no offence at a folder that has gone.
    for folder, _, _ in os.walk(group):
        yield Path(folder)


def _groups(name: str, record: Path) -> Iterator[Path]:
    if record.exists():
        yield from (Path(line) for line in record.read_text().splitlines())
        return
    for hierarchy in hierarchies():
        if hierarchy.name == "memory":
            yield from (place for place in with_all_below(hierarchy) if place.name == name)
        else:
            yield hierarchy / name
