"""Find out which GPUs a host has, how they are connected, and what is there for a driver of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_probes import gpu_health
from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Root, Run

# The one vendor whose GPUs are known, by the name checks ask for.
_VENDORS = {"nvidia": "0x10de"}
_DEVICES = "/sys/bus/pci/devices"
# Display controllers and those without a display; bridges of the vendor's own are its switches.
_GPU_CLASSES, _SWITCH_CLASS = ("0x0300", "0x0302"), "0x0680"
_GENERATIONS = {"2.5": 1, "5.0": 2, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6}
_MIB = 1 << 20
_IN_MEMORY = 0x200
_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_SIGNING_KEY = "/var/lib/dkms/mok.pub"
_BUILT_BY = re.compile(r"gcc[^)]*\) (\d+)\.\d+")
_FABRIC_MANAGER = "nvidia-fabricmanager.service"


def gpus(root: Root, run: Run, vendors: Sequence[str]) -> dict[str, Any]:
    """Return what there is of each vendor's GPUs, healthy or not."""
    return {name: _of_vendor(root, run, _VENDORS[name]) for name in vendors if name in _VENDORS}


def _of_vendor(root: Root, run: Run, vendor: str) -> dict[str, Any]:
    names = [name for name in root.names(_DEVICES) if root.word(f"{_DEVICES}/{name}/vendor") == vendor]
    classes = {name: root.word(f"{_DEVICES}/{name}/class") for name in names}
    return {
        "devices": [_device(root, name) for name in names if classes[name].startswith(_GPU_CLASSES)],
        "switches": sum(found.startswith(_SWITCH_CLASS) for found in classes.values()),
        "kernel": root.word("/proc/sys/kernel/osrelease"),
        "release": _release(root),
        "nouveau": root.exists("/sys/module/nouveau"),
        **_for_compiling(root, run),
        **_driver(root, run),
        **gpu_health.health(run),
    }


def _device(root: Root, name: str) -> dict[str, Any]:
    """Return what the bus tells of one GPU, whether or not a driver has it."""
    path = f"{_DEVICES}/{name}"
    port = root.real(path).rpartition("/")[0]
    own, ports = _generation(root, path), _generation(root, port)
    group = root.link(f"{path}/iommu_group").rpartition("/")[2]
    return {
        "address": name,
        "id": root.word(f"{path}/device").removeprefix("0x"),
        "width": _number(root.word(f"{path}/current_link_width")),
        "max_width": _number(root.word(f"{path}/max_link_width")),
        # An idle GPU slows its link down, so what both ends can do is what counts.
        "generation": min(own, ports) if ports else own,
        "max_generation": own,
        "memory_window_mib": _largest_window(root.lines(f"{path}/resource")) // _MIB,
        "driver": root.link(f"{path}/driver").rpartition("/")[2],
        "iommu": root.word(f"/sys/kernel/iommu_groups/{group}/type") if group else "",
    }


def _generation(root: Root, path: str) -> int:
    return _GENERATIONS.get(root.word(f"{path}/max_link_speed").partition(" ")[0], 0)


def _largest_window(lines: Sequence[str]) -> int:
    """Return the bytes of the largest window through which the processor sees a device's memory."""
    sizes = [0]
    for line in lines[:6]:
        start, end, flags = (int(word, 16) for word in line.split())
        if flags & _IN_MEMORY and end > start:
            sizes.append(end - start + 1)
    return max(sizes)


def _for_compiling(root: Root, run: Run) -> dict[str, Any]:
    """Return what compiling a module, and having the kernel take it, hang on."""
    build = f"/lib/modules/{root.word('/proc/sys/kernel/osrelease')}/build"
    ready, there = root.exists(f"{build}/Makefile"), root.link(build) or root.exists(build)
    built_by = _BUILT_BY.search(root.text("/proc/version"))
    tested = run(["mokutil", "--test-key", _SIGNING_KEY]).output if root.exists(_SIGNING_KEY) else ""
    return {
        "headers": "ready" if ready else "broken" if there else "absent",
        "built_by": built_by[1] if built_by else "",
        "compiler": run(["gcc", "-dumpversion"]).output.strip().partition(".")[0],
        # Four bytes of attributes go before the value.
        "secure_boot": root.data(_SECURE_BOOT)[4:5] == b"\x01",
        "signing_key": "enrolled" if "is already enrolled" in tested else "waiting" if tested else "absent",
    }


def _driver(root: Root, run: Run) -> dict[str, Any]:
    """Return which driver the kernel has loaded, and who put it there."""
    state = run(["systemctl", "is-active", _FABRIC_MANAGER]).output.strip()
    return {
        "loaded": root.word("/sys/module/nvidia/version"),
        "by_hand": root.exists("/usr/bin/nvidia-uninstall"),
        "fabric_manager": state == "active",
    }


def _release(root: Root) -> str:
    values = dict(line.partition("=")[::2] for line in root.lines("/etc/os-release"))
    return values.get("VERSION_CODENAME", "").strip('"')


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
