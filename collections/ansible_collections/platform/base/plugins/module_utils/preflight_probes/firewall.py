"""Find out what a host's packet filters refuse."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Root, Run

_REFUSES = re.compile(r"(?<![\w\"])(drop|reject|DROP|REJECT)(?![\w\"])|-j (DROP|REJECT)\b|\"REJECT\"")
_LEGACY = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names")


def firewall(root: Root, run: Run) -> dict[str, Any]:
    """Return whether ufw is on, and each chain that refuses packets."""
    answer = run(["nft", "--terse", "--stateless", "list", "ruleset"])
    chains = from_nft(answer.output) if answer.status == 0 else from_iptables(run(["iptables-save"]).output)
    if answer.status == 0 and any(root.word(path) for path in _LEGACY):
        # The older filters of the kernel stand beside the newer ones, and only their own program shows them.
        chains += from_iptables(run(["iptables-legacy-save"]).output)
    return {"ufw": bool(re.search(r"(?m)^\s*ENABLED=[\"']?yes", root.text("/etc/ufw/ufw.conf"))), "chains": chains}


def from_nft(text: str) -> list[dict[str, Any]]:
    """Return the chains that refuse packets, from what `nft list ruleset` says."""
    found: list[dict[str, Any]] = []
    table, chain = "", None
    for line in map(str.strip, text.splitlines()):
        if start := re.match(r"table (\w+ \S+) \{", line):
            table = start.group(1)
        elif start := re.match(r"chain (\S+) \{", line):
            chain = _chain(table, start.group(1))
            found.append(chain)
        elif line == "}":
            chain = None
        elif chain is not None and line.startswith("type "):
            hook = re.search(r"hook (\w+)", line)
            chain["hook"] = hook.group(1) if hook else ""
            chain["policy"] = "drop" if "policy drop" in line else "accept"
        elif chain is not None:
            chain["refusing"] += _refuses(line)
    return _kept(found)


def from_iptables(text: str) -> list[dict[str, Any]]:
    """Return the chains that refuse packets, from what `iptables-save` says."""
    found: dict[str, dict[str, Any]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = f"ip {line[1:].strip()}"
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            chain = found.setdefault(f"{table} {name}", _chain(table, name))
            chain["hook"] = name.lower() if policy != "-" else ""
            chain["policy"] = "drop" if policy == "DROP" else "accept"
        elif line.startswith("-A "):
            name = line.split()[1]
            found.setdefault(f"{table} {name}", _chain(table, name))["refusing"] += _refuses(line)
    return _kept(found.values())


def _chain(table: str, name: str) -> dict[str, Any]:
    return {"table": table, "chain": name, "hook": "", "policy": "accept", "refusing": 0}


def _refuses(line: str) -> bool:
    # What a rule says in quotes is a comment or a name.
    return bool(_REFUSES.search(re.sub(r'(comment|prefix|name|--comment) "[^"]*"', "", line)))


def _kept(chains: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [chain for chain in chains if chain["refusing"] or chain["policy"] == "drop"]
