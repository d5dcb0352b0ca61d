"""How many file watchers root may have: one limit for the whole machine, all hosts of all labs included.

Hosts cannot be given a limit of their own, as they are given copies of other settings: the kernel counts by user.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from installer.adapters.lab import network
from installer.model.events import Notice
from installer.model.lab import OF_A_CONTROL_PLANE, Lab
from installer.ports import Reporter

_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
_RECORD = Path("/run/platform-lab/max_user_instances")


def require_watchers(
    lab: Lab, namespace: str, reporter: Reporter, limit: Path = _LIMIT, record: Path = _RECORD
) -> None:
    """Raise the limit when the lab's hosts would not get by with it, and remember what it was.

    Args:
        namespace: the lab's network namespace, whose name its hosts' namespaces begin with.
    """
    others = [name for name in _hosts() if not name.startswith(f"{namespace}-")]
    needed = (
        _used_by_the_machine()
        + len(others) * OF_A_CONTROL_PLANE.watchers
        + sum(host.needs.watchers for host in lab.hosts)
    )
    with _held(record):
        allowed = int(limit.read_text())
        if needed <= allowed:
            return
        if not record.exists():
            record.write_text(f"{allowed}\n")
        limit.write_text(f"{needed}\n")
    reporter.emit(
        Notice(f"fs.inotify.max_user_instances is raised from {allowed} to {needed}: so many hosts watch more files. "
               "The last lab to go down sets it back.")
    )  # fmt: skip


def give_back_watchers(limit: Path = _LIMIT, record: Path = _RECORD) -> None:
    """Set the limit back when no host of any lab runs."""
    if not record.exists() or _hosts():
        return
    with _held(record):
        limit.write_text(record.read_text())
        record.unlink()


def _hosts() -> list[str]:
    """Return the namespaces of running hosts: those named after a lab's and a host's name."""
    names = network.namespaces()
    return [name for name in names if any(name.startswith(f"{lab}-") for lab in names)]


def _used_by_the_machine() -> int:
    """Return the watchers of programs that belong to no lab."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if "platform-lab-" not in (process / "cgroup").read_text():
                found += sum(entry.readlink().name == "anon_inode:inotify" for entry in (process / "fd").iterdir())
    return found


@contextlib.contextmanager
def _held(record: Path) -> Iterator[None]:
    record.parent.mkdir(mode=0o755, exist_ok=True)
    with record.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
