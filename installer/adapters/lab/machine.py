"""Whether this machine can host a lab, and what it lacks."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

from installer.adapters.lab import cgroups
from installer.adapters.process import CommandFailed, run
from installer.errors import LabUnavailable
from installer.model.events import Notice
from installer.model.lab import MOST_HOSTS, OF_A_CONTROL_PLANE, OF_OTHERS, Lab, LabHost
from installer.ports import Reporter

_PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "ssh": "openssh-client",
    "sysctl": "procps",
}
_GIB = 1 << 30
_DISK_PER_HOST = 4 * _GIB
_DISK_FOR_ROOT = 1 * _GIB
_FILE_SYSTEMS = {
    "overlay": "a host's disk lies over the common root file system",
    "bpf": "the pod network's programs are kept there",
}
_NAMESPACES = ("net", "mnt", "pid", "uts", "ipc", "cgroup")
_DEVICES = {"/dev/net/tun": "CONFIG_TUN", "/dev/fuse": "CONFIG_FUSE_FS", "/dev/kmsg": "CONFIG_PRINTK"}


def require_machine(lab: Lab, folder: Path, starting: Sequence[LabHost], reporter: Reporter) -> None:
    """Check the machine, and install the programs it lacks from its own package sources.

    Args:
        folder: where the lab's disks lie.
        starting: hosts that do not run yet; the memory of others is taken.

    Raises:
        LabUnavailable: with everything that stands in the way.
    """
    if platform.system() != "Linux" or os.geteuid() != 0:
        raise LabUnavailable(
            f"A lab needs root on Linux; this is user {os.geteuid()} on {platform.system()}.",
            hint="Hosts are machines with kernels' namespaces and mounts: run the command as root on Linux.",
        )
    _install_programs(reporter)
    found = obstacles(lab, folder, starting)
    if found:
        raise LabUnavailable(
            f"This machine cannot host the lab {lab.name}: {len(found)} reason{'s' if len(found) > 1 else ''}.",
            hint="Nothing was changed.",
            details=found,
        )


def obstacles(lab: Lab, folder: Path, starting: Sequence[LabHost]) -> list[str]:
    """Return everything about this machine that stands in a lab's way."""
    return [*_too_many_hosts(lab), *_kernel_problems(), *_size_problems(folder, starting)]


def _too_many_hosts(lab: Lab) -> list[str]:
    if len(lab.hosts) <= MOST_HOSTS:
        return []
    return [f"The inventory names {len(lab.hosts)} hosts; a lab has at most {MOST_HOSTS}."]


def _kernel_problems() -> list[str]:
    problems = []
    known = Path("/proc/filesystems").read_text().split()
    for name, reason in _FILE_SYSTEMS.items():
        if name not in known:
            problems.append(f"The kernel has no {name} file system; {reason}. Load or build it in.")
    for device, option in _DEVICES.items():
        if not Path(device).exists():
            problems.append(f"{device} is missing; hosts need it ({option}).")
    absent = [kind for kind in _NAMESPACES if not Path(f"/proc/self/ns/{kind}").exists()]
    problems += [f"The kernel has no {kind} namespaces; a host is made of them." for kind in absent]
    if not cgroups.hierarchies():
        problems.append(
            "Control groups of version 1 are not mounted below /sys/fs/cgroup; hosts get groups of their own there. "
            "Start the kernel with systemd.unified_cgroup_hierarchy=0."
        )
    try:
        run(
            ["nft", "-c", "-f", "-"],
            stdin=b"table bridge probe {\nchain c { type filter hook prerouting priority 0; }\n}",
        )
    except CommandFailed as error:
        problems.append(f"nftables cannot filter bridges, which the egress counters need: {error.details[:1]}.")
    return problems


def _size_problems(folder: Path, starting: Sequence[LabHost]) -> list[str]:
    problems = []
    available = _available_memory()
    needed = sum(host.needs.memory for host in starting)
    if available < needed:
        problems.append(
            f"{needed / _GIB:.1f} GiB of memory are needed for {len(starting)} hosts "
            f"({OF_A_CONTROL_PLANE.memory / _GIB:.1f} GiB for one with a control plane, "
            f"{OF_OTHERS.memory / _GIB:.1f} GiB for another), {available / _GIB:.1f} GiB are free."
        )
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    wanted = len(starting) * _DISK_PER_HOST + _DISK_FOR_ROOT
    if free < wanted:
        problems.append(
            f"{wanted / _GIB:.0f} GiB of disk are needed below {folder} for {len(starting)} hosts' images and volumes, "
            f"{free / _GIB:.1f} GiB are free."
        )
    return problems


def _available_memory() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _install_programs(reporter: Reporter) -> None:
    missing = {package for program, package in _PROGRAMS.items() if shutil.which(program) is None}
    if not missing:
        return
    names = sorted(missing)
    reporter.emit(Notice(f"Installing {', '.join(names)} on this machine, which the lab needs."))
    environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *names]
    try:
        try:
            run(command, environment=environment)
        except CommandFailed:
            run(["apt-get", "update", "--quiet"], environment=environment)
            run(command, environment=environment)
    except CommandFailed as error:
        raise LabUnavailable(
            f"This machine lacks {', '.join(names)}, and apt-get could not install them.",
            hint="Install them and run the command again.",
            details=error.details,
        ) from error
