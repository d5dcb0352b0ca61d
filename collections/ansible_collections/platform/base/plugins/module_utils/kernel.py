"""Bring the kernel into the state a role wants, now and at every start."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply, difference
from ansible_collections.platform.base.plugins.module_utils.originals import FOLDER, Record

_FSTAB_MARK = "# off for kubelet: "


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
    kept = [f"{_FSTAB_MARK}{line}" if re.match(r"\s*[^#\s]+\s+\S+\s+swap\s", line) else line for line in lines]
    return "".join(kept) if kept != lines else None


def bring(wanted: dict[str, Any], wet: bool) -> list[str]:
    """Load modules, set values, turn swap off, and return what was changed or would be.

    Args:
        wanted: C(state), C(name), C(sysctls), C(modules) and C(swap).
    """
    record = Record(f"{FOLDER}/kernel.json")
    if wanted["state"] == "original":
        return _give_back(wanted["name"], record, wet)
    values = {key: " ".join(str(value).split()) for key, value in sorted(wanted["sysctls"].items())}
    changes = _modules(wanted["modules"], wet)
    wrong = {key: value for key, value in values.items() if current(key) not in (value, None)}
    changes += wrong
    if wrong and wet:
        _note(record, wanted["name"], wrong)
        for key, value in wrong.items():
            _write_setting(key, value)
    if not wanted["swap"]:
        changes += _swap_off(wet)
    sysctls, modules = _files_of(wanted["name"])
    files = {
        sysctls: "".join(f"{key} = {value}\n" for key, value in values.items()),
        modules: "".join(f"{module}\n" for module in wanted["modules"]),
    }
    for path, content in files.items():
        file = Wanted(path, content=content.encode(), mode=0o644)
        if difference(file):
            changes.append(path)
            if wet:
                apply(file)
    return changes


def _files_of(name: str) -> tuple[str, str]:
    """Return the files that do the same at the host's start."""
    return f"/etc/sysctl.d/{name}.conf", f"/etc/modules-load.d/{name}.conf"


def _note(record: Record, name: str, wrong: dict[str, str]) -> None:
    """Remember what settings were before their first change."""
    with record.changing():
        before = record.content.setdefault(name, {})
        before.update({key: current(key) for key in wrong if key not in before})


def _give_back(name: str, record: Record, wet: bool) -> list[str]:
    """Put settings and swap back to what they were, and return what was changed or would be.

    Modules stay loaded: others may use them by now, and the next start of the host forgets them.
    """
    before = record.content.get(name, {})
    changes = [key for key, value in sorted(before.items()) if current(key) not in (value, None)]
    for key in changes if wet else ():
        _write_setting(key, before[key])
    for path in _files_of(name):
        if os.path.exists(path):
            changes.append(path)
            if wet:
                os.unlink(path)
    changes += _swap_on(wet)
    if before and wet:
        with record.changing():
            record.content.pop(name, None)
    return changes


def _swap_on(wet: bool) -> list[str]:
    """Put /etc/fstab's swap lines back and use them."""
    try:
        with open("/etc/fstab", encoding="utf-8") as stream:
            text = stream.read()
    except OSError:
        return []
    if _FSTAB_MARK not in text:
        return []
    if wet:
        apply(Wanted("/etc/fstab", content=text.replace(_FSTAB_MARK, "").encode(), mode=0o644))
        subprocess.run(["swapon", "--all"], capture_output=True, check=False)
    return ["/etc/fstab", "swap"]


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
