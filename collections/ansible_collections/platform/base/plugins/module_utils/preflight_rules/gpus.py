"""Rules on a host's GPUs as the bus and the kernel see them, before any driver is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    Check,
    Facts,
    Finding,
    answer,
    asks_always,
    listed,
)

_VENDOR = "nvidia"
_BIOS = "Look at the server's firmware settings and its manual"


def gpu_count(facts: Facts, count: int, device: str = "") -> Iterator[Finding]:
    """A GPU that is not there is missed by who was promised it, and one too many is paid for by nobody.

    `device` is the PCI device id they all have; empty where it does not matter.
    """
    found = _known(facts)["devices"]
    if len(found) != int(count):
        where = f" ({listed(entry['address'] for entry in found)})" if found else ""
        yield Finding(
            f"has {len(found)} GPUs on its bus{where}; the inventory says {count}.",
            "Look at `lspci -d 10de:`; reseat or replace what is missing.",
        )
    others = [f"{entry['address']} ({entry['id']})" for entry in found if device and entry["id"] != str(device)]
    if others:
        yield Finding(
            f"has other GPUs than {device}: {listed(others)}.", "Give the host the class of what it really has."
        )


def gpu_nouveau(facts: Facts) -> Iterator[Finding]:
    """The kernel's own driver holds the GPUs, and leaves them to no other."""
    if _known(facts)["nouveau"]:
        yield Finding(
            "has the kernel's own driver, nouveau, loaded.",
            "Write `blacklist nouveau` into /etc/modprobe.d/nouveau.conf, run `update-initramfs -u`, and restart.",
        )


def gpu_secure_boot(facts: Facts, modules: str) -> Iterator[Finding]:
    """Where only signed modules are loaded, one that the host compiled needs a key that its firmware knows.

    `modules` says how they come: `dkms`, `precompiled` or `container`.
    """
    known = _known(facts)
    if not known["secure_boot"] or modules == "precompiled":
        return
    if modules == "container":
        yield Finding(
            "has Secure Boot on, and the driver's container does not sign what it compiles.",
            "Choose the host's driver, or turn Secure Boot off.",
        )
    elif known["signing_key"] != "enrolled":
        state = "waits to be enrolled" if known["signing_key"] == "waiting" else "is not there yet"
        yield Finding(
            f"has Secure Boot on, and the key that its own modules are signed with {state}.",
            "Run `dkms generate_mok; mokutil --import /var/lib/dkms/mok.pub`, restart, and enrol it at the console.",
        )


def gpu_kernel_known(facts: Facts, kernels: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """A driver is a module of one kernel, and the bundle carries those of the inventory's kernels alone."""
    release, running = _known(facts)["release"], _known(facts)["kernel"]
    listed_here = [str(kernel) for kernel in kernels.get(release, ())]
    if running not in listed_here:
        yield Finding(
            f"runs the kernel {running}; the bundle has drivers for {listed(listed_here) or 'none'} on {release}.",
            "Add it to `platform_host_kernels`, lock and build the bundle; or start one of those kernels.",
        )


def gpu_kernel_headers(facts: Facts) -> Iterator[Finding]:
    """A module is compiled against the headers of the very kernel that runs."""
    if _known(facts)["headers"] == "broken":
        running = _known(facts)["kernel"]
        yield Finding(
            f"has /lib/modules/{running}/build, and no headers where it leads.",
            f"Run `apt-get purge linux-headers-{running}`: the platform brings them anew.",
        )


def gpu_compiler(facts: Facts) -> Iterator[Finding]:
    """A module that another compiler made than the kernel may not load, or crash it."""
    known = _known(facts)
    if known["compiler"] and known["built_by"] and known["compiler"] != known["built_by"]:
        yield Finding(
            f"compiles with gcc {known['compiler']}, and its kernel was made with gcc {known['built_by']}.",
            f"Run `update-alternatives --config gcc`, or install gcc-{known['built_by']} and make it the default.",
        )


def gpu_iommu(facts: Facts) -> Iterator[Finding]:
    """Where every address is translated, GPUs that copy to each other are slow, or hang."""
    found = [entry for entry in _known(facts)["devices"] if entry["iommu"].startswith("DMA")]
    if found:
        yield Finding(
            f"translates the addresses of {listed(entry['address'] for entry in found)} ({found[0]['iommu']}).",
            "Start it with `iommu=pt` (GRUB_CMDLINE_LINUX in /etc/default/grub, then `update-grub`).",
        )


def gpu_pcie_width(facts: Facts, minimum: int = 0) -> Iterator[Finding]:
    """A GPU on half its lanes is half as quick to be fed. Without a minimum it has all the lanes it can."""
    for entry in _known(facts)["devices"]:
        wanted = int(minimum) or entry["max_width"]
        if 0 < entry["width"] < wanted:
            yield Finding(
                f"has the GPU {entry['address']} on {entry['width']} of {wanted} PCIe lanes.",
                f"Reseat it; look at its riser and slot. {_BIOS} (bifurcation).",
            )


def gpu_pcie_generation(facts: Facts, minimum: int = 0) -> Iterator[Finding]:
    """A slot of an older generation feeds a GPU at half the rate. Without a minimum it is the GPU's own."""
    for entry in _known(facts)["devices"]:
        wanted = int(minimum) or entry["max_generation"]
        if 0 < entry["generation"] < wanted:
            yield Finding(
                f"has the GPU {entry['address']} on PCIe generation {entry['generation']}; {wanted} is expected.",
                f"Move it to another slot. {_BIOS} (link speed).",
            )


def gpu_memory_window(facts: Facts, minimum_mib: int = 256) -> Iterator[Finding]:
    """The driver does not start a GPU whose memory the firmware found no room for among the addresses."""
    for entry in _known(facts)["devices"]:
        if entry["memory_window_mib"] < int(minimum_mib):
            yield Finding(
                f"shows {entry['memory_window_mib']} MiB of the GPU {entry['address']}; {minimum_mib} are needed.",
                f"{_BIOS}: above-4G decoding and resizable BAR.",
            )


def _known(facts: Facts) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answer(facts, "gpus", _VENDOR)
    return found


_ASKS = asks_always("gpus", _VENDOR)
CHECKS = (
    Check(gpu_count, _ASKS),
    Check(gpu_nouveau, _ASKS),
    Check(gpu_secure_boot, _ASKS),
    Check(gpu_kernel_known, _ASKS),
    Check(gpu_kernel_headers, _ASKS),
    Check(gpu_compiler, _ASKS),
    Check(gpu_iommu, _ASKS),
    Check(gpu_pcie_width, _ASKS),
    Check(gpu_pcie_generation, _ASKS),
    Check(gpu_memory_window, _ASKS),
)
