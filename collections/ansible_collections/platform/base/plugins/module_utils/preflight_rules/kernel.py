"""Rules on what a host's kernel can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    Check,
    Facts,
    Finding,
    answer,
    asks_always,
    asks_for,
    listed,
)

_INSTALL = "Install the release's own kernel with all its modules (on Ubuntu, linux-modules-extra), and restart."
_RING_BUFFER = "bpf_ringbuf"
_TRACEPOINTS = ("btf_trace_sys_enter", "btf_trace_sys_exit", "btf_trace_sched_process_exit")


def cgroup_version(facts: Facts, minimum: int) -> Iterator[Finding]:
    """Kubelet refuses hosts with the first version of control groups."""
    found = facts["cgroups"]["version"]
    if found < int(minimum):
        yield Finding(
            f"has version {found} of control groups; {minimum} is needed.",
            "Start it with `systemd.unified_cgroup_hierarchy=1`.",
        )


def cgroup_controllers(facts: Facts, controllers: Sequence[str]) -> Iterator[Finding]:
    """Without a controller, what containers may use cannot be bounded."""
    missing = sorted(set(controllers) - set(facts["cgroups"]["controllers"]))
    if missing:
        cure = "Start it with `cgroup_enable=memory`." if missing == ["memory"] else _INSTALL
        yield Finding(f"cannot bound what containers use of {listed(missing)}: its control groups lack that.", cure)


def kernel_overlay(facts: Facts) -> Iterator[Finding]:
    """Containers' file systems are overlays."""
    yield from _lacks(facts, ["overlay"], "lay file systems over each other")


def kernel_bpf(facts: Facts) -> Iterator[Finding]:
    """The pods' network is made of programs the kernel runs."""
    yield from _lacks(facts, ["bpf", "cls_bpf", "sch_ingress"], "run the network's programs")


def kernel_types(facts: Facts) -> Iterator[Finding]:
    """Programs that watch a kernel find their way by what it tells of its own types."""
    if answer(facts, "kernel_types", _RING_BUFFER) == "silent":
        yield Finding(
            "has a kernel that does not describe itself: /sys/kernel/btf/vmlinux is missing or no such description.",
            "Install the release's own kernel, which is built with CONFIG_DEBUG_INFO_BTF, and restart.",
        )


def kernel_ring_buffer(facts: Facts) -> Iterator[Finding]:
    """What programs see in the kernel comes out of it through ring buffers."""
    if answer(facts, "kernel_types", _RING_BUFFER) == "absent":
        yield Finding(
            "has a kernel without ring buffers for the programs that watch it.",
            "Install the release's own kernel, 5.8 or newer and built with CONFIG_BPF_SYSCALL, and restart.",
        )


def kernel_syscall_tracepoints(facts: Facts) -> Iterator[Finding]:
    """Programs that watch a kernel are called where it is called, and where processes end."""
    missing = [name for name in _TRACEPOINTS if answer(facts, "kernel_types", name) == "absent"]
    if missing:
        yield Finding(
            f"has a kernel that calls no program where it is called itself: it lacks {listed(missing)}.",
            "Install the release's own kernel, which is built with CONFIG_FTRACE_SYSCALLS, and restart.",
        )


def kernel_vxlan(facts: Facts) -> Iterator[Finding]:
    """Pods of different hosts reach each other through tunnels."""
    yield from _lacks(facts, ["vxlan"], "make tunnels between hosts")


def kernel_nftables(facts: Facts) -> Iterator[Finding]:
    """What may leave a host is judged by nftables."""
    yield from _lacks(facts, ["nf_tables", "nf_conntrack"], "filter packets")


def kernel_modules(facts: Facts, modules: Sequence[str]) -> Iterator[Finding]:
    """A module the inventory wants must be there to be loaded."""
    yield from _lacks(facts, modules, "do what the inventory wants")


def proc_sys_writable(facts: Facts, settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Settings of the kernel that cannot be set stop the installation half-way."""
    for name, wanted in settings.items():
        found = answer(facts, "settings", name)
        if found and not found["writable"] and found["value"] != " ".join(str(wanted).split()):
            yield Finding(
                f"has {name} = {found['value']}, which cannot be set to {wanted}.",
                "Set it on the machine whose kernel this host shares.",
            )


def outgoing_ports(facts: Facts, ports: Sequence[str | int]) -> Iterator[Finding]:
    """A port the kernel lends to an outgoing connection is not there for the service that wants it."""
    first, last = [*facts["ports"]["outgoing"], 32768, 60999][:2] if facts["ports"]["outgoing"] else (32768, 60999)
    reserved = set().union(*map(_range, facts["ports"]["reserved"].split(",")))
    wanted = set().union(*(_range(str(port)) for port in ports))
    lent = sorted(port for port in wanted - reserved if first <= port <= last)
    if lent:
        yield Finding(
            f"lends its ports {first} to {last} to outgoing connections, {listed(lent)} among them.",
            "Set net.ipv4.ip_local_port_range to begin above 32767.",
        )


def _lacks(facts: Facts, modules: Sequence[str], purpose: str) -> Iterator[Finding]:
    missing = [name for name in modules if answer(facts, "modules", name) == "absent"]
    if missing:
        yield Finding(f"has a kernel that cannot {purpose}: it lacks {listed(missing)}.", _INSTALL)


def _range(text: str) -> set[int]:
    first, _, last = text.strip().partition("-")
    return set(range(int(first), int(last or first) + 1)) if first else set()


CHECKS = (
    Check(cgroup_version),
    Check(cgroup_controllers),
    Check(kernel_overlay, asks_always("modules", "overlay")),
    Check(kernel_bpf, asks_always("modules", "bpf", "cls_bpf", "sch_ingress")),
    Check(kernel_types, asks_always("kernel_types", _RING_BUFFER)),
    Check(kernel_ring_buffer, asks_always("kernel_types", _RING_BUFFER)),
    Check(kernel_syscall_tracepoints, asks_always("kernel_types", *_TRACEPOINTS)),
    Check(kernel_vxlan, asks_always("modules", "vxlan")),
    Check(kernel_nftables, asks_always("modules", "nf_tables", "nf_conntrack")),
    Check(kernel_modules, asks_for("modules", "modules")),
    Check(proc_sys_writable, asks_for("settings", "settings")),
    Check(outgoing_ports),
)
