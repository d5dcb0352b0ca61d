"""Find out what lies under a host's folders: file systems, space, the time a write takes."""

from __future__ import annotations

import fcntl
import math
import os
import stat
import struct
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Root

_MIB = 1024 * 1024
_OPTIONS = ("ro", "nodev", "noexec", "nosuid")
# What etcd writes at a time, and how long it is tried at most.
_BLOCK = bytes(2300)
_TRIES = 100
_SECONDS = 0.5
# XFS_IOC_FSGEOMETRY_V1: the size of its answer, where the flags are in it, and the one for file types.
_XFS_GEOMETRY = 0x80705864
_XFS_ANSWER, _XFS_FLAGS, _XFS_FILE_TYPES = 112, 92, 0x10000

Space = Callable[[str], os.statvfs_result]


def paths(root: Root, names: Sequence[str], space: Space = os.statvfs) -> dict[str, Any]:
    """Return what lies under each path, or would when it is made."""
    mounts = _mounts(root)
    found = {}
    for name in names:
        real, nearest = root.real(name), root.nearest(name)
        point = max((point for point in mounts if _is_below(real, point)), key=len, default="/")
        source, kind, options = mounts.get(point, ("", "", []))
        room = space(root.path(nearest))
        content = [entry for entry in root.names(real) if entry != "lost+found"] if real == nearest else []
        found[name] = {
            "exists": real == nearest,
            "empty": not content,
            "mount": point,
            "source": source,
            "type": kind,
            "options": [option for option in options if option in _OPTIONS],
            "size_mib": room.f_blocks * room.f_frsize // _MIB,
            "free_mib": room.f_bavail * room.f_frsize // _MIB,
            "inodes": room.f_files,
            "inodes_free": room.f_favail,
            "file_types": kind != "xfs" or has_file_types(root.path(nearest)),
            "unsafe": _unsafe(root, nearest),
        }
    return found


def has_file_types(path: str) -> bool:
    """Return whether an XFS keeps files' types in its folders; overlays cannot do without."""
    answer = bytearray(_XFS_ANSWER)
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.ioctl(descriptor, _XFS_GEOMETRY, answer)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return bool(struct.unpack_from("=I", answer, _XFS_FLAGS)[0] & _XFS_FILE_TYPES)


def write_latency(root: Root, names: Sequence[str], clock: Callable[[], float] = time.perf_counter) -> dict[str, Any]:
    """Return for each path how long a small write takes until it is safe on the disk, in milliseconds."""
    return {name: _latency(root.path(root.nearest(name)), clock) for name in names}


def swaps(root: Root) -> list[dict[str, Any]]:
    """Return what the host swaps to, and whether /etc/fstab is what turns it on."""
    sources = [
        fields[0] for fields in map(str.split, root.lines("/etc/fstab")) if len(fields) > 2 and fields[2] == "swap"
    ]
    listed = {_device(root, source) for source in sources if not source.startswith("#")}
    found = []
    for line in root.lines("/proc/swaps")[1:]:
        device, _kind, size, used = line.split()[:4]
        found.append(
            {
                "device": device,
                "size_mib": int(size) // 1024,
                "used_mib": int(used) // 1024,
                "listed": root.real(device) in listed,
            }
        )
    return found


def _device(root: Root, source: str) -> str:
    for key, folder in (("UUID=", "by-uuid"), ("LABEL=", "by-label"), ("PARTUUID=", "by-partuuid")):
        if source.startswith(key):
            return root.real(f"/dev/disk/{folder}/{source.removeprefix(key).strip(chr(34))}")
    return root.real(source)


def _mounts(root: Root) -> dict[str, tuple[str, str, list[str]]]:
    """Return source, type and options by mount point; the last one mounted is the one that is seen."""
    fields = (line.split() for line in root.lines("/proc/mounts"))
    return {_plain(entry[1]): (_plain(entry[0]), entry[2], entry[3].split(",")) for entry in fields if len(entry) > 3}


def _plain(text: str) -> str:
    return text.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")


def _is_below(path: str, point: str) -> bool:
    return point == "/" or path == point or path.startswith(point + "/")


def _unsafe(root: Root, path: str) -> list[str]:
    """Return the folders on the way to a path that others than root may change."""
    steps = path.strip("/").split("/") if path != "/" else []
    found = []
    for step in ["/", *("/" + "/".join(steps[: count + 1]) for count in range(len(steps)))]:
        state = root.state(step)
        if state is None:
            continue
        mode = stat.S_IMODE(state.st_mode)
        if state.st_uid != 0 or (mode & 0o022 and not mode & stat.S_ISVTX):
            found.append(f"{step} (owner {state.st_uid}, mode {mode:04o})")
    return found


def _latency(folder: str, clock: Callable[[], float]) -> dict[str, Any]:
    """Write and sync small blocks into a file without a name, which is gone whatever happens."""
    taken: list[float] = []
    try:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=".platform-")
        Path(name).unlink()
    except OSError as error:
        return {"error": error.strerror or str(error)}
    try:
        end = clock() + _SECONDS
        while len(taken) < _TRIES and (now := clock()) < end:
            os.write(descriptor, _BLOCK)
            os.fdatasync(descriptor)
            taken.append(clock() - now)
    except OSError as error:
        return {"error": error.strerror or str(error)}
    finally:
        os.close(descriptor)
    worst = sorted(taken)[math.ceil(len(taken) * 0.99) - 1]
    return {"p99_ms": round(worst * 1000, 2), "tries": len(taken)}
