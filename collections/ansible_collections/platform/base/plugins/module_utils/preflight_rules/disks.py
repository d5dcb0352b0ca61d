"""Rules on what lies under a host's folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    Check,
    Facts,
    Finding,
    answer,
    asks_for,
    listed,
)

_GIB = 1024
# Where the platform is installed already, it has used most of what it asked for.
_SHARE_WHEN_INSTALLED = 0.1


def disk_free(facts: Facts, free_gib: Mapping[str, float], program: str = "") -> Iterator[Finding]:
    """A full disk stops databases, and makes nodes send their pods away.

    Folders on one file system need the sum. Where `program` is the platform's already, a tenth of it is enough.
    """
    share = _SHARE_WHEN_INSTALLED if program and program in facts["ours"]["programs"] else 1.0
    needs: dict[str, float] = {}
    folders: dict[str, list[str]] = {}
    room: dict[str, int] = {}
    for path, gib in free_gib.items():
        state = answer(facts, "paths", path)
        needs[state["mount"]] = needs.get(state["mount"], 0) + float(gib) * share
        folders.setdefault(state["mount"], []).append(path)
        room[state["mount"]] = state["free_mib"]
    for mount, gib in needs.items():
        if room[mount] < gib * _GIB:
            yield Finding(
                f"has {room[mount] / _GIB:.1f} GiB free on {mount}; {listed(folders[mount])} need {gib:g} GiB.",
                "Make room, or mount a larger disk there.",
            )


def disk_inodes(facts: Facts, paths: Sequence[str], minimum_percent: float) -> Iterator[Finding]:
    """A disk without inodes is full, however much room it has."""
    for mount, path in _by_mount(facts, paths).items():
        state = answer(facts, "paths", path)
        # Some file systems make inodes as they go, and count none.
        percent = 100 * state["inodes_free"] / state["inodes"] if state["inodes"] else 100
        if percent < float(minimum_percent):
            yield Finding(
                f"has {percent:.1f} % of its inodes free on {mount}; {minimum_percent} % are needed.",
                "Delete what holds many small files, or mount another disk there.",
            )


def disk_write_latency(facts: Facts, paths: Sequence[str], maximum_ms: float) -> Iterator[Finding]:
    """The cluster's database is as slow as its disk's slowest writes, and elects anew when they take too long."""
    for path in paths:
        found = answer(facts, "write_latency", path)
        if "error" in found:
            yield Finding(f"cannot write to the disk of {path}: {found['error']}.", "Look at the disk in `dmesg`.")
        elif found["p99_ms"] > float(maximum_ms):
            yield Finding(
                f"takes {found['p99_ms']} ms to write safely to {path}, at the slow end; {maximum_ms} ms are allowed.",
                "Put the folder on a disk of its own that is fast and has its cache protected.",
            )


def filesystem_type(facts: Facts, paths: Sequence[str], refused: Sequence[str]) -> Iterator[Finding]:
    """Databases lose data, and overlays fail, on file systems that are remote, in memory or overlays themselves."""
    for path in paths:
        state = answer(facts, "paths", path)
        if state["type"] in refused:
            yield Finding(
                f"has {path} on a file system of type {state['type']} ({state['mount']}).",
                "Mount a local ext4 or XFS there.",
            )


def filesystem_xfs_ftype(facts: Facts, paths: Sequence[str]) -> Iterator[Finding]:
    """Overlays show deleted files again on an XFS that keeps no types in its folders."""
    for path in paths:
        state = answer(facts, "paths", path)
        if not state["file_types"]:
            yield Finding(
                f"has {path} on an XFS made with ftype=0 ({state['mount']}).",
                "Make it anew with `mkfs.xfs -n ftype=1`.",
            )


def path_noexec(facts: Facts, paths: Sequence[str]) -> Iterator[Finding]:
    """Programs do not start from a disk mounted `noexec`."""
    yield from _mounted_with(facts, paths, "noexec")


def path_read_only(facts: Facts, paths: Sequence[str]) -> Iterator[Finding]:
    """Nothing can be installed on a disk mounted read-only."""
    yield from _mounted_with(facts, paths, "ro")


def path_permissions(facts: Facts, paths: Sequence[str]) -> Iterator[Finding]:
    """Whoever may change a folder above may replace what is in it."""
    found = sorted({step for path in paths for step in answer(facts, "paths", path)["unsafe"]})
    if found:
        yield Finding(
            f"lets others than root change {listed(found)}.",
            f"Run `chown root:root {_bare(found)}; chmod go-w {_bare(found)}`.",
        )


def swap_off_possible(facts: Facts) -> Iterator[Finding]:
    """Swap is turned off for kubelet; what is in it must have room in memory."""
    used, free = sum(entry["used_mib"] for entry in facts["swaps"]), facts["memory"]["available_mib"]
    if used > free:
        yield Finding(
            f"has swapped {used} MiB out, and {free} MiB of memory free.",
            "Stop what uses the memory, then run `swapoff -a`.",
        )


def swap_returns(facts: Facts) -> Iterator[Finding]:
    """Swap that something else than /etc/fstab turns on is back after a restart, and kubelet does not start."""
    devices = [entry["device"] for entry in facts["swaps"] if not entry["listed"]]
    if devices:
        yield Finding(
            f"swaps to {listed(devices)}, which /etc/fstab does not name.",
            "Mask or remove what turns it on: see `systemctl list-units '*.swap'` and zram-tools.",
        )


def _mounted_with(facts: Facts, paths: Sequence[str], option: str) -> Iterator[Finding]:
    for mount, path in _by_mount(facts, paths).items():
        if option in answer(facts, "paths", path)["options"]:
            below = listed(other for other in paths if answer(facts, "paths", other)["mount"] == mount)
            instead = {"noexec": "exec", "ro": "rw"}[option]
            cure = f"Put `{instead}` for `{option}` in /etc/fstab, and run `mount -o remount,{instead} {mount}`."
            yield Finding(f"has {mount} mounted with {option}; {below} cannot be used there.", cure)


def _by_mount(facts: Facts, paths: Sequence[str]) -> dict[str, str]:
    """Return one of the paths for each file system, so that a problem is told once."""
    return {answer(facts, "paths", path)["mount"]: path for path in reversed(paths)}


def _bare(found: Sequence[str]) -> str:
    return " ".join(step.partition(" (")[0] for step in found)


CHECKS = (
    Check(disk_free, asks_for("paths", "free_gib")),
    Check(disk_inodes, asks_for("paths", "paths")),
    Check(disk_write_latency, asks_for("write_latency", "paths")),
    Check(filesystem_type, asks_for("paths", "paths")),
    Check(filesystem_xfs_ftype, asks_for("paths", "paths")),
    Check(path_noexec, asks_for("paths", "paths")),
    Check(path_read_only, asks_for("paths", "paths")),
    Check(path_permissions, asks_for("paths", "paths")),
    Check(swap_off_possible),
    Check(swap_returns),
)
