"""Find out what a host's kernel can do: control groups, modules, settings."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Root

# What a kernel's configuration calls a module; others have the module's name in capitals.
_OPTIONS = {
    "bpf": "BPF_SYSCALL",
    "br_netfilter": "BRIDGE_NETFILTER",
    "cls_bpf": "NET_CLS_BPF",
    "fuse": "FUSE_FS",
    "overlay": "OVERLAY_FS",
    "sch_ingress": "NET_SCH_INGRESS",
    "xfs": "XFS_FS",
}
_FILE_SYSTEMS = ("bpf", "overlay", "xfs")
# What the description of a kernel's types begins with, in either order of bytes.
_TYPES = (b"\x9f\xeb", b"\xeb\x9f")


def kernel_facts(root: Root) -> dict[str, Any]:
    """Return what every component may want to know of the kernel."""
    return {"cgroups": cgroups(root), "ports": ports(root)}


def cgroups(root: Root) -> dict[str, Any]:
    """Return the version of control groups and the controllers that can be used."""
    mounts = [line.split() for line in root.lines("/proc/mounts")]
    kinds = {
        fields[1]: (fields[2], fields[3].split(","))
        for fields in mounts
        if len(fields) > 3 and fields[2].startswith("cgroup")
    }
    if kinds.get("/sys/fs/cgroup", ("", []))[0] == "cgroup2":
        return {"version": 2, "controllers": sorted(root.text("/sys/fs/cgroup/cgroup.controllers").split())}
    enabled = {
        fields[0] for fields in map(str.split, root.lines("/proc/cgroups")) if len(fields) > 3 and fields[3] == "1"
    }
    mounted = {option for kind, options in kinds.values() if kind == "cgroup" for option in options}
    return {"version": 1 if kinds else 0, "controllers": sorted(enabled & mounted)}


def ports(root: Root) -> dict[str, Any]:
    """Return the ports the kernel gives to outgoing connections, and those it keeps back from them."""
    numbers = [int(word) for word in root.text("/proc/sys/net/ipv4/ip_local_port_range").split()]
    return {"outgoing": numbers, "reserved": root.word("/proc/sys/net/ipv4/ip_local_reserved_ports")}


def kernel_types(root: Root, names: Sequence[str]) -> dict[str, str]:
    """Return for each type whether the kernel tells that it is `there` or `absent`, or is `silent` about all."""
    if not names:
        return {}
    data = root.data("/sys/kernel/btf/vmlinux")
    if not data.startswith(_TYPES):
        return dict.fromkeys(names, "silent")
    return {name: "there" if b"\0" + name.encode() + b"\0" in data else "absent" for name in names}


def modules(root: Root, names: Sequence[str]) -> dict[str, str]:
    """Return for each module whether it is `ready`, can be `loadable`, or is `absent`."""
    if not names:
        return {}
    release = root.word("/proc/sys/kernel/osrelease")
    options = _configuration(root, release)
    built_in = _module_names(root.lines(f"/lib/modules/{release}/modules.builtin"))
    files = _module_names(line.partition(":")[0] for line in root.lines(f"/lib/modules/{release}/modules.dep"))
    systems = {line.split()[-1] for line in root.lines("/proc/filesystems") if line.strip()}
    found = {}
    for name in names:
        plain = name.replace("-", "_")
        is_there = plain in built_in or options.get(_OPTIONS.get(plain, plain.upper())) == "y"
        is_there = is_there or (plain in _FILE_SYSTEMS and plain in systems) or root.exists(f"/sys/module/{plain}")
        found[name] = "ready" if is_there else "loadable" if plain in files else "absent"
    return found


def settings(root: Root, names: Sequence[str]) -> dict[str, Any]:
    """Return for each setting its value and whether it can be set; None when this kernel has none."""
    found: dict[str, Any] = {}
    for name in names:
        path = "/proc/sys/" + name.replace(".", "\0").replace("/", ".").replace("\0", "/")
        found[name] = (
            {"value": " ".join(root.text(path).split()), "writable": root.writable(path)} if root.exists(path) else None
        )
    return found


def _configuration(root: Root, release: str) -> dict[str, str]:
    packed = root.data("/proc/config.gz")
    text = gzip.decompress(packed).decode("ascii", "replace") if packed else root.text(f"/boot/config-{release}")
    return dict(re.findall(r"^CONFIG_(\w+)=([ym])$", text, re.MULTILINE))


def _module_names(paths: Any) -> set[str]:
    return {path.rpartition("/")[2].partition(".ko")[0].replace("-", "_") for path in paths}
