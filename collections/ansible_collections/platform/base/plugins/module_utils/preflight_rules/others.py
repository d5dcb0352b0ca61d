"""Rules on what else lives on a host, or lived there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    Check,
    Facts,
    Finding,
    answer,
    asks_for,
    listed,
)

_RUNTIME_PACKAGES = ("containerd", "containerd.io", "cri-o", "docker-ce", "docker.io", "podman-docker")
_RUNTIME_UNITS = ("containerd.service", "crio.service", "docker.service")
_KUBERNETES_UNITS = (
    "k0scontroller.service", "k0sworker.service", "k3s.service", "k3s-agent.service", "kubelet.service",
    "rke2-agent.service", "rke2-server.service", "snap.microk8s.daemon-kubelite.service",
)  # fmt: skip
# Chains of the cluster itself, where the cluster is the platform's.
_CLUSTER_CHAINS = ("KUBE-", "CILIUM_")


def other_time_service(facts: Facts, packages: Sequence[str]) -> Iterator[Finding]:
    """Two services that set the clock pull it to and fro, and apt installs no second one."""
    found = [name for name in packages if name in facts["packages"]["installed"]]
    running = [unit for unit in (f"{name}.service" for name in found) if facts["units"].get(unit, {}).get("active")]
    if found:
        state = f" ({listed(running)} runs)" if running else ""
        yield Finding(
            f"has {listed(found)} installed{state}, where chrony is to keep the time.",
            f"Run `apt-get purge {' '.join(found)}`.",
        )


def earlier_cluster(facts: Facts, marks: Sequence[str]) -> Iterator[Finding]:
    """What an earlier cluster left behind is taken for this one's, or is in its way.

    Where one of the files in `marks` is, the cluster is the platform's own.
    """
    if facts["traces"] and all(answer(facts, "files", mark) < 0 for mark in marks):
        yield Finding(
            f"still has {listed(facts['traces'], 12)} of an earlier cluster.",
            "Remove it with its own tool (`kubeadm reset`, `k3s-uninstall.sh`), delete what is left, and restart.",
        )


def other_container_runtime(facts: Facts) -> Iterator[Finding]:
    """Two container runtimes share sockets, folders and packet filters, and break each other's containers."""
    found = [name for name in _RUNTIME_PACKAGES if name in facts["packages"]["installed"]]
    found += [unit for unit in _RUNTIME_UNITS if _is_foreign(facts, unit) and not found]
    if found:
        yield Finding(
            f"has another container runtime: {listed(found)}.", f"Run `apt-get purge {' '.join(found)}`, then restart."
        )


def other_kubernetes(facts: Facts) -> Iterator[Finding]:
    """A host is a node of one cluster only."""
    found = [unit for unit in _KUBERNETES_UNITS if _is_foreign(facts, unit)]
    if found:
        yield Finding(
            f"has the service of another Kubernetes: {listed(found)}.",
            "Take that cluster off the host with its own tool.",
        )


def services_in_the_way(facts: Facts, units: Sequence[str]) -> Iterator[Finding]:
    """The platform configures these services for itself; whoever uses them already would lose them."""
    found = [unit for unit in units if _is_foreign(facts, unit) and facts["units"][unit]["active"]]
    if found:
        yield Finding(
            f"already runs {listed(found)} for something else.", "Move that to another host, or stop and disable it."
        )


def firewall_in_the_way(facts: Facts) -> Iterator[Finding]:
    """A firewall that knows nothing of the cluster drops its packets."""
    found = ["ufw"] if facts["firewall"]["ufw"] else []
    found += ["firewalld"] if facts["units"].get("firewalld.service", {}).get("active") else []
    if found:
        cure = {"ufw": "`ufw disable`", "firewalld": "`systemctl disable --now firewalld`"}
        yield Finding(
            f"has {listed(found)} switched on.",
            f"Run {' and '.join(cure[name] for name in found)}; the platform brings guards of its own.",
        )


def rules_of_others(facts: Facts, tables: Sequence[str]) -> Iterator[Finding]:
    """Packet filters of others refuse what the cluster needs, without a word in its logs.

    `tables` begin the names of those that are the platform's.
    """
    found = []
    for chain in facts["firewall"]["chains"]:
        if not chain["table"].startswith(tuple(tables)) and not _is_known(facts, chain):
            what = "refuses by default" if chain["policy"] == "drop" else f"has {chain['refusing']} rules that refuse"
            found.append(f"{chain['table']} {chain['chain']} ({what})")
    if found:
        yield Finding(
            f"has packet filters that are not the platform's: {listed(found)}.",
            "Look at `nft list ruleset`; take away what put them there, then restart.",
        )


def unattended_reboots(facts: Facts) -> Iterator[Finding]:
    """A host that restarts by itself at night takes its part of the cluster with it."""
    if facts["apt"].get("unattended-upgrade::automatic-reboot", "").lower() in ("true", "1", "yes"):
        yield Finding(
            "restarts by itself after updates.",
            'Set Unattended-Upgrade::Automatic-Reboot "false" in /etc/apt/apt.conf.d/50unattended-upgrades.',
        )


def packages_sane(facts: Facts) -> Iterator[Finding]:
    """While a package is half installed, apt installs no other."""
    if facts["packages"]["broken"]:
        found = facts["packages"]["broken"]
        yield Finding(
            f"has packages that are broken: {listed(found)}.",
            f"Run `apt-get install --reinstall {found[0].split()[0]}` or purge it.",
        )


def packages_held(facts: Facts, packages: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """A package that is held back stays as it is, and so does what needs a newer one.

    `packages` has names by release; `default` serves releases not named.
    """
    wanted = packages.get(facts["release"]["codename"], packages.get("default", ()))
    found = sorted(set(wanted) & set(facts["packages"]["held"]))
    if found:
        yield Finding(
            f"holds back {listed(found)}, which the platform installs.", f"Run `apt-mark unhold {' '.join(found)}`."
        )


def apt_lock_free(facts: Facts) -> Iterator[Finding]:
    """Only one may install packages at a time."""
    if facts["packages"]["locked_by"]:
        yield Finding(
            f"is installing packages: {listed(facts['packages']['locked_by'])} has the lock.", "Wait for it to end."
        )


def _is_known(facts: Facts, chain: Mapping[str, Any]) -> bool:
    """Return whether a chain is the cluster's own, or a firewall's that has its own check."""
    has_cluster = any(path.endswith("/kubelet") for path in facts["ours"]["programs"])
    by_ufw = facts["firewall"]["ufw"] and (chain["chain"].startswith("ufw") or chain["policy"] == "drop")
    by_firewalld = chain["table"].endswith(" firewalld") and facts["units"].get("firewalld.service", {}).get("active")
    return bool((has_cluster and chain["chain"].startswith(_CLUSTER_CHAINS)) or by_ufw or by_firewalld)


def _is_foreign(facts: Facts, unit: str) -> bool:
    return unit in facts["units"] and not facts["units"][unit]["ours"]


CHECKS = (
    Check(other_time_service),
    Check(earlier_cluster, asks_for("files", "marks")),
    Check(other_container_runtime),
    Check(other_kubernetes),
    Check(services_in_the_way),
    Check(firewall_in_the_way),
    Check(rules_of_others),
    Check(unattended_reboots, warns=True),
    Check(packages_sane),
    Check(packages_held),
    # Whoever installs packages afterwards waits for the lock.
    Check(apt_lock_free, warns=True),
)
