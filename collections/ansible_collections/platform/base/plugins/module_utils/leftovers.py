"""Take away what programs left in the kernel, where no file shows it."""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

OPTIONS = {
    name: {"type": "list", "elements": "str", "default": []}
    for name in ("processes", "mounts", "tables", "chains", "addresses", "links", "rules")
}
_END_SECONDS = 10.0
_BASE_TABLES = ("filter", "nat", "mangle", "raw", "security")


class LeftoversStay(Exception):
    """Something cannot be taken away."""


def clear(wanted: dict[str, list[str]], wet: bool) -> list[str]:
    """Take everything named away, and return what was there."""
    steps: tuple[tuple[str, Callable[[list[str], bool], list[str]]], ...] = (
        ("processes", _processes),
        ("mounts", _mounts),
        ("rules", _rules),
        ("tables", _tables),
        ("chains", _chains),
        ("addresses", _addresses),
        ("links", _links),
    )
    return [found for name, take in steps if wanted[name] for found in take(wanted[name], wet)]


def _run(*arguments: str) -> str:
    """Run a program of the host; without it there is nothing it could have left."""
    if shutil.which(arguments[0]) is None:
        return ""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def _listing(*arguments: str) -> list[dict[str, Any]]:
    """Return what a program lists as JSON."""
    answer = _run(*arguments).strip()
    found: list[dict[str, Any]] = json.loads(answer) if answer else []
    return found


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _processes(patterns: list[str], wet: bool) -> list[str]:
    """End programs by name, with all that they began."""
    parents, names = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with (
                contextlib.suppress(OSError),
                open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stream,
            ):
                head, _, tail = stream.read().rpartition(")")
                names[int(entry)] = head.partition("(")[2]
                parents[int(entry)] = int(tail.split()[1])
    # The kernel keeps 15 characters of a name.
    going = {process for process, name in names.items() if _matches(name, [pattern[:15] for pattern in patterns])}
    shown = sorted({f"process {names[process]}" for process in going})
    while more := {process for process, parent in parents.items() if parent in going} - going:
        going |= more
    if wet and going:
        _kill(going)
    return shown


def _kill(going: set[int]) -> None:
    end = time.monotonic() + _END_SECONDS
    while going := {process for process in going if _is_running(process)}:
        for process in going:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() > end:
            raise LeftoversStay(f"Processes do not end: {sorted(going)[:10]}.")
        time.sleep(0.05)


def _is_running(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as stream:
            return stream.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def _mounts(folders: list[str], wet: bool) -> list[str]:
    """Unmount everything below folders, the folders' own disks excepted."""
    with open("/proc/self/mounts", encoding="utf-8") as stream:
        points = [line.split()[1].replace("\\040", " ") for line in stream]
    below = [point for point in points if any(point.startswith(folder.rstrip("/") + "/") for folder in folders)]
    for point in reversed(below) if wet else ():
        done = subprocess.run(["umount", "--lazy", point], capture_output=True, text=True, check=False)
        if done.returncode and os.path.ismount(point):
            raise LeftoversStay(f"{point} could not be unmounted: {done.stderr.strip()}")
    return [f"mount {point}" for point in below]


def _rules(tables: list[str], wet: bool) -> list[str]:
    """Delete routing rules that look into tables, and the tables' routes."""
    found = []
    for family in ("-4", "-6"):
        for rule in _listing("ip", family, "-json", "rule", "show"):
            if str(rule.get("table")) in tables:
                found.append(f"rule {family} {rule['priority']} to {rule['table']}")
                if wet:
                    _run("ip", family, "rule", "del", "priority", str(rule["priority"]), "table", str(rule["table"]))
        for table in tables:
            if _run("ip", family, "route", "show", "table", table).strip():
                found.append(f"routes {family} in {table}")
                if wet:
                    _run("ip", family, "route", "flush", "table", table)
    return found


def _ruleset() -> list[dict[str, Any]]:
    answer = _run("nft", "--json", "list", "ruleset")
    found: list[dict[str, Any]] = json.loads(answer)["nftables"] if answer else []
    return found


def _nft(commands: list[str]) -> None:
    done = subprocess.run(["nft", "-f", "-"], input="\n".join(commands), capture_output=True, text=True, check=False)
    if done.returncode:
        raise LeftoversStay(f"Rules of nftables could not be deleted: {done.stderr.strip()[:500]}")


def _tables(names: list[str], wet: bool) -> list[str]:
    """Delete tables of nftables."""
    there = [f"{entry['table']['family']} {entry['table']['name']}" for entry in _ruleset() if "table" in entry]
    going = [name for name in names if name in there]
    if going and wet:
        _nft([f"delete table {name}" for name in going])
    return [f"table {name}" for name in going]


def _chains(patterns: list[str], wet: bool) -> list[str]:
    """Delete iptables' chains by name, the rules that lead to them, and tables in which nothing is left."""
    ruleset = _ruleset()
    chains = [entry["chain"] for entry in ruleset if "chain" in entry and _is_basic(entry["chain"])]
    going = [chain for chain in chains if _matches(chain["name"], patterns)]
    if not going:
        return []
    names = {(chain["family"], chain["table"], chain["name"]) for chain in going}
    rules = [entry["rule"] for entry in ruleset if "rule" in entry and _is_basic(entry["rule"])]
    leading = [rule for rule in rules if _place(rule) not in names and _leads_to(rule, patterns)]
    kept = {(rule["family"], rule["table"]) for rule in rules if rule not in leading and _place(rule) not in names}
    kept |= {(c["family"], c["table"]) for c in chains if c not in going and c.get("policy", "accept") != "accept"}
    kept |= {(c["family"], c["table"]) for c in chains if c not in going and "hook" not in c}
    # A table in which only empty chains would stay goes as a whole.
    whole = {(chain["family"], chain["table"]) for chain in going} - kept
    if wet:
        commands = [f"delete table {family} {table}" for family, table in sorted(whole)]
        partial = [chain for chain in going if (chain["family"], chain["table"]) not in whole]
        commands += [
            f"delete rule {rule['family']} {rule['table']} {rule['chain']} handle {rule['handle']}"
            for rule in leading
            if (rule["family"], rule["table"]) not in whole
        ]
        commands += [f"flush chain {chain['family']} {chain['table']} {chain['name']}" for chain in partial]
        commands += [f"delete chain {chain['family']} {chain['table']} {chain['name']}" for chain in partial]
        _nft(commands)
    return [f"chain {chain['family']} {chain['table']} {chain['name']}" for chain in going]


def _is_basic(entry: dict[str, Any]) -> bool:
    """Return whether an entry is in a table that iptables shares."""
    return entry["family"] in ("ip", "ip6") and entry["table"] in _BASE_TABLES


def _place(rule: dict[str, Any]) -> tuple[str, str, str]:
    return rule["family"], rule["table"], rule["chain"]


def _leads_to(rule: dict[str, Any], patterns: list[str]) -> bool:
    """Return whether a rule jumps to one of the chains."""
    for part in rule.get("expr", []):
        for verb in ("jump", "goto"):
            if isinstance(part.get(verb), dict) and _matches(part[verb].get("target", ""), patterns):
                return True
    return False


def _addresses(addresses: list[str], wet: bool) -> list[str]:
    """Take addresses off the host's interfaces."""
    found = []
    for link in _listing("ip", "-json", "address"):
        for entry in link["addr_info"]:
            if entry["local"] in addresses:
                found.append(f"address {entry['local']}")
                if wet:
                    _run("ip", "address", "del", f"{entry['local']}/{entry['prefixlen']}", "dev", link["ifname"])
    return found


def _links(patterns: list[str], wet: bool) -> list[str]:
    """Delete interfaces; the other end of a pair goes with the first."""
    names = [link["ifname"] for link in _listing("ip", "-json", "link") if _matches(link["ifname"], patterns)]
    for name in names if wet else ():
        _run("ip", "link", "del", name)
    return [f"link {name}" for name in names]
