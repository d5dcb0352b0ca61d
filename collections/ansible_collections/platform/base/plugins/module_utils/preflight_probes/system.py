"""Find out what a host is: its release, processors, memory, names and user."""

from __future__ import annotations

import base64
import hashlib
import os
import pwd
import sys
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Root, Run

_MIB = 1024 * 1024
_NOBODY = (1 << 32) - 1
_LEVELS = (
    (2, {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}),
    (3, {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}),
    (4, {"avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"}),
)
# A group of processes may have less than the machine; the root of a real server's hierarchy has no such file.
_MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def system(root: Root, run: Run) -> dict[str, Any]:
    """Return what the host is."""
    return {
        "release": release(root),
        "kernel": kernel(root, run),
        "processors": processors(root),
        "memory": memory(root),
        "python": list(sys.version_info[:2]),
        "user": user(root),
        "init": root.word("/proc/1/comm"),
        "hostname": root.word("/proc/sys/kernel/hostname"),
        "machine_id": root.word("/etc/machine-id"),
        "ssh_host_key": ssh_host_key(root),
        "time_zone": time_zone(root),
        "selinux": selinux(root),
        "restart": restart(root),
    }


def release(root: Root) -> dict[str, str]:
    """Return the operating system's id, version and code name."""
    lines = root.lines("/etc/os-release") or root.lines("/usr/lib/os-release")
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    wanted = {"id": "ID", "version": "VERSION_ID", "codename": "VERSION_CODENAME", "name": "PRETTY_NAME"}
    return {key: values.get(name, "").strip().strip("\"'") for key, name in wanted.items()}


def kernel(root: Root, run: Run) -> dict[str, str]:
    """Return the kernel's release, its architecture, and how far it is locked down."""
    modes = root.text("/sys/kernel/security/lockdown")
    return {
        "release": root.word("/proc/sys/kernel/osrelease"),
        "architecture": run(["uname", "-m"]).output.strip(),
        "lockdown": modes.partition("[")[2].partition("]")[0] or "none",
    }


def processors(root: Root) -> dict[str, int]:
    """Return how many processors there are, and the level of x86-64 they have; 0 on other architectures."""
    count = 0
    flags: set[str] = set()
    for line in root.lines("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        count += key.strip() == "processor"
        if key.strip() == "flags" and not flags:
            flags = set(value.split())
    level = 1 if "lm" in flags else 0
    for wanted, needed in _LEVELS:
        if level == wanted - 1 and needed <= flags:
            level = wanted
    return {"count": count, "level": level}


def memory(root: Root) -> dict[str, int]:
    """Return the host's memory, all of it and what is free, in MiB."""
    lines = (line.replace(":", " ").split() for line in root.lines("/proc/meminfo"))
    kibibytes = {fields[0]: int(fields[1]) for fields in lines if len(fields) > 1}
    total = kibibytes.get("MemTotal", 0) * 1024
    limits = [int(text) for text in map(root.word, _MEMORY_LIMITS) if text.isdigit()]
    return {"total_mib": min([total, *limits]) // _MIB, "available_mib": kibibytes.get("MemAvailable", 0) // 1024}


def user(root: Root) -> dict[str, Any]:
    """Return whether this is root, and who logged in."""
    login = os.environ.get("SUDO_USER", "")
    audited = root.word("/proc/self/loginuid")
    identity = int(audited) if audited.isdigit() and int(audited) != _NOBODY else os.getuid()
    if not login:
        try:
            login = pwd.getpwuid(identity).pw_name
        except KeyError:
            login = str(identity)
    return {"root": os.geteuid() == 0, "login": login}


def ssh_host_key(root: Root) -> str:
    """Return the fingerprint of the host's own ssh key, as `ssh-keygen -l` prints it."""
    for kind in ("ed25519", "ecdsa", "rsa"):
        fields = root.text(f"/etc/ssh/ssh_host_{kind}_key.pub").split()
        if len(fields) > 1:
            digest = hashlib.sha256(base64.b64decode(fields[1])).digest()
            return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    return ""


def time_zone(root: Root) -> str:
    """Return the time zone's name; a host without one runs on UTC."""
    target = root.link("/etc/localtime")
    return target.partition("zoneinfo/")[2] or root.word("/etc/timezone") or "UTC"


def selinux(root: Root) -> str:
    """Return the mode of SELinux."""
    return {"1": "enforcing", "0": "permissive"}.get(root.word("/sys/fs/selinux/enforce"), "off")


def restart(root: Root) -> dict[str, Any]:
    """Return which packages wait for a restart, and whether the running kernel's modules were taken away."""
    asked = root.exists("/run/reboot-required")
    packages = root.text("/run/reboot-required.pkgs").split()
    kernels = root.names("/lib/modules")
    gone = bool(kernels) and root.word("/proc/sys/kernel/osrelease") not in kernels
    return {"asked": asked, "packages": sorted(set(packages)), "modules_gone": gone}
