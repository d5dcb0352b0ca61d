"""Rules on what a host is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    Check,
    Facts,
    Finding,
    listed,
    version_of,
)

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def supported_os(facts: Facts, systems: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """The bundle's packages and the roles are made for these releases alone."""
    found = facts["release"]
    if found["version"] not in [str(version) for version in systems.get(found["id"], ())]:
        known = listed(f"{name} {version}" for name, versions in systems.items() for version in versions)
        yield Finding(
            f"runs {found['name'] or 'an unknown system'}; the platform knows {known}.", "Install one of these."
        )


def supported_kernel(facts: Facts, minimum: str) -> Iterator[Finding]:
    """An older kernel lacks what the network needs of it."""
    found = facts["kernel"]["release"]
    if version_of(found) < version_of(str(minimum)):
        yield Finding(
            f"runs the kernel {found}; {minimum} is the oldest that will do.",
            "Install the release's newest kernel and restart.",
        )


def architecture(facts: Facts, platforms: Sequence[str]) -> Iterator[Finding]:
    """Programs for another architecture do not start."""
    machine = facts["kernel"]["architecture"]
    if "all" not in platforms and f"linux/{_ARCHITECTURES.get(machine, machine)}" not in platforms:
        yield Finding(
            f"is {machine}; the bundle holds {listed(platforms)}.",
            "Add its platform to `platform_artifact_platforms` and build the bundle.",
        )


def processor_level(facts: Facts, minimum: int) -> Iterator[Finding]:
    """Images of newer systems stop at once on processors without these instructions."""
    found = facts["processors"]["level"]
    if 0 < found < int(minimum):
        yield Finding(
            f"has processors of x86-64-v{found}; v{minimum} is needed.",
            "Show the machine its processor's own type: `host` where it is virtual.",
        )


def cpu_count(facts: Facts, minimum: int) -> Iterator[Finding]:
    """Too few processors make elections time out and probes fail under load."""
    found = facts["processors"]["count"]
    if found < int(minimum):
        yield Finding(f"has {found} processor{'s' if found != 1 else ''}; {minimum} are needed.", "Give it more.")


def memory_size(facts: Facts, minimum_mib: int) -> Iterator[Finding]:
    """With too little memory the kernel kills what the platform needs first."""
    found = facts["memory"]["total_mib"]
    if found < int(minimum_mib):
        yield Finding(f"has {found} MiB of memory; {minimum_mib} are needed.", "Give it more.")


def systemd_running(facts: Facts) -> Iterator[Finding]:
    """Every service of the platform is a unit of systemd."""
    if facts["init"] != "systemd":
        yield Finding(
            f"was started by {facts['init'] or 'nothing known'}, not by systemd.",
            "Install a system that starts with systemd.",
        )


def python_version(facts: Facts, minimum: str) -> Iterator[Finding]:
    """The platform's modules run on the host's own Python."""
    found = tuple(facts["python"])
    if found < version_of(str(minimum)):
        yield Finding(
            f"has Python {'.'.join(map(str, found))}; {minimum} is the oldest that will do.",
            "Install a supported release.",
        )


def privileges(facts: Facts) -> Iterator[Finding]:
    """Nothing can be installed without root's rights."""
    if not facts["user"]["root"]:
        login = facts["user"]["login"]
        yield Finding(
            f"does not let {login} become root.", f"Let {login} use sudo, or log in as another user by `ansible_user`."
        )


def security_module(facts: Facts) -> Iterator[Finding]:
    """SELinux denies containers what they need where no policy for them is installed."""
    if facts["selinux"] == "enforcing":
        yield Finding(
            "enforces SELinux, for which the platform has no policy.",
            "Set SELINUX=permissive in /etc/selinux/config and restart.",
        )


def kernel_lockdown(facts: Facts) -> Iterator[Finding]:
    """A kernel locked down to confidentiality refuses the network's programs."""
    if facts["kernel"]["lockdown"] == "confidentiality":
        yield Finding("has its kernel locked down to confidentiality.", "Start it with `lockdown=integrity`.")


def machine_id_set(facts: Facts) -> Iterator[Finding]:
    """Logs, addresses and nodes are told apart by the machine's id."""
    found = facts["machine_id"]
    if not re.fullmatch(r"[0-9a-f]{32}", found) or set(found) == {"0"}:
        yield Finding(
            f"has {found!r} for a machine id.", "Run `rm -f /etc/machine-id; systemd-machine-id-setup`, then restart."
        )


def reboot_pending(facts: Facts) -> Iterator[Finding]:
    """A host whose kernel was replaced under it cannot load a module until it restarts."""
    state = facts["restart"]
    if state["modules_gone"]:
        yield Finding(
            f"runs the kernel {facts['kernel']['release']}, whose modules are gone from its disk.", "Restart it."
        )
    elif state["asked"]:
        why = f" for {listed(state['packages'])}" if state["packages"] else ""
        yield Finding(f"waits for a restart{why}.", "Restart it.")


CHECKS = (
    Check(supported_os), Check(supported_kernel), Check(architecture), Check(processor_level), Check(cpu_count),
    Check(memory_size), Check(systemd_running), Check(python_version), Check(privileges), Check(security_module),
    Check(kernel_lockdown), Check(machine_id_set), Check(reboot_pending),
)  # fmt: skip
