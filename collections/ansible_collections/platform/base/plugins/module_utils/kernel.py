"""Bring the kernel into the state a role wants, now and at every start."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply, difference


class KernelFailed(Exception):
    """The kernel does not take a setting or a module."""


def _location(name: str) -> str:
    """Return where the kernel shows a setting; a slash stands for a dot inside a part."""
    return "/proc/sys/" + name.replace(".", "\0").replace("/", ".").replace("\0", "/")


def current(name: str) -> str | None:
    """Return a setting's value, or None when this kernel has none."""
    try:
        with open(_location(name), encoding="ascii") as stream:
            return " ".join(stream.read().split())
    except OSError:
        return None


def _write_setting(name: str, value: str) -> None:
    """Put one setting into force."""
    try:
        with open(_location(name), "w", encoding="ascii") as stream:
            stream.write(value)
    except OSError as error:
        raise KernelFailed(f"{name} could not be set to {value} (it is {current(name)}): {error.strerror}.") from error


def _is_loaded(name: str) -> bool:
    """Return whether a module is there, loaded or built in."""
    if os.path.isdir(f"/sys/module/{name.replace('-', '_')}"):
        return True
    builtin = f"/lib/modules/{os.uname().release}/modules.builtin"
    try:
        with open(builtin, encoding="ascii") as stream:
            return any(line.rstrip().endswith(f"/{name}.ko") for line in stream)
    except OSError:
        return False


def _swaps() -> list[str]:
    """Return what the host swaps to."""
    with open("/proc/swaps", encoding="utf-8") as stream:
        return [line.split()[0] for line in list(stream)[1:]]


def _fstab_without_swap() -> str | None:
    """Return /etc/fstab with its swap lines commented out, or None when there is none to change."""
    try:
        with open("/etc/fstab", encoding="utf-8") as stream:
            lines = stream.readlines()
    except OSError:
        return None
    kept = [f"# off for kubelet: {line}" if re.match(r"\s*[^#\s]+\s+\S+\s+swap\s", line) else line for line in lines]
    return "".join(kept) if kept != lines else None


def bring(wanted: dict[str, Any], wet: bool) -> list[str]:
    """Load modules, set values, turn swap off, and return what was changed or would be.

    Args:
        wanted: C(name), C(sysctls), C(modules) and C(swap).
    """
    values = {key: " ".join(str(value).split()) for key, value in sorted(wanted["sysctls"].items())}
    changes = _modules(wanted["modules"], wet)
    for key, value in values.items():
        if current(key) not in (value, None):
            changes.append(key)
            if wet:
                _write_setting(key, value)
    if not wanted["swap"]:
        changes += _swap_off(wet)
    files = {
        f"/etc/sysctl.d/{wanted['name']}.conf": "".join(f"{key} = {value}\n" for key, value in values.items()),
        f"/etc/modules-load.d/{wanted['name']}.conf": "".join(f"{module}\n" for module in wanted["modules"]),
    }
    for path, content in files.items():
        file = Wanted(path, content=content.encode(), mode=0o644)
        if difference(file):
            changes.append(path)
            if wet:
                apply(file)
    return changes


def _modules(names: list[str], wet: bool) -> list[str]:
    missing = [name for name in names if not _is_loaded(name)]
    for name in missing if wet else ():
        done = subprocess.run(["modprobe", name], capture_output=True, text=True, check=False)
        if done.returncode:
            raise KernelFailed(f"The kernel module {name} could not be loaded: {done.stderr.strip()}")
    return [f"module {name}" for name in missing]


def _swap_off(wet: bool) -> list[str]:
    changes = []
    if _swaps():
        changes.append("swap")
        if wet:
            subprocess.run(["swapoff", "--all"], check=True)
    fstab = _fstab_without_swap()
    if fstab is not None:
        changes.append("/etc/fstab")
        if wet:
            apply(Wanted("/etc/fstab", content=fstab.encode(), mode=0o644))
    return changes
