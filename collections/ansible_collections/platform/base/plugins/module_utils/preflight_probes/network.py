"""Find out how a host is on its networks: interfaces, routes, name servers, what listens."""

from __future__ import annotations

import ipaddress
import json
import socket
import sys
from collections.abc import Iterator
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Root, Run

_TABLES = (("tcp", "/proc/net/tcp"), ("tcp", "/proc/net/tcp6"), ("udp", "/proc/net/udp"), ("udp", "/proc/net/udp6"))
_LISTENING = {"tcp": "0A", "udp": "07"}
_STUBS = ("127.0.0.53", "127.0.0.54")
# Interfaces of the platform's own network among pods.
_PODS_LINKS = ("cilium_", "lxc")


def network(root: Root, run: Run) -> dict[str, Any]:
    """Return what every component may want to know of the network."""
    return {"interfaces": interfaces(run), "routes": routes(run), "resolver": resolver(root)}


def interfaces(run: Run) -> list[dict[str, Any]]:
    """Return the interfaces with their addresses; those of single pods are left out."""
    found = []
    for link in _json(run(["ip", "-json", "address"]).output):
        if link["ifname"] == "lo" or link["ifname"].startswith("lxc"):
            continue
        entries = [f"{entry['local']}/{entry['prefixlen']}" for entry in link.get("addr_info", []) if "local" in entry]
        found.append(
            {
                "name": link["ifname"],
                "mac": link.get("address", ""),
                "mtu": link.get("mtu", 0),
                "up": "UP" in link.get("flags", []),
                "addresses": [entry for entry in entries if not ipaddress.ip_interface(entry).is_link_local],
            }
        )
    return found


def routes(run: Run) -> list[dict[str, str]]:
    """Return where the host sends packets; routes to pods of the platform's own network are left out."""
    found = []
    for family, everything in (("-4", "0.0.0.0/0"), ("-6", "::/0")):
        for route in _json(run(["ip", "-json", family, "route"]).output):
            device = route.get("dev", "")
            if device.startswith(_PODS_LINKS):
                continue
            target = everything if route["dst"] == "default" else route["dst"]
            if not target.startswith("fe80:"):
                found.append({"network": target, "device": device})
    return found


def resolver(root: Root) -> dict[str, Any]:
    """Return which name servers the host asks, and whether it does so through systemd-resolved."""
    path = "/etc/resolv.conf"
    fields = [line.split() for line in root.lines(root.real(path)) if line.strip() and line[0] not in "#;"]
    servers = [entry[1] for entry in fields if entry[0] == "nameserver" and len(entry) > 1]
    through = "/run/systemd/resolve/resolv.conf"
    stub = bool(servers) and set(servers) <= set(_STUBS) and root.exists(through)
    return {
        "exists": root.exists(path),
        "servers": servers,
        "search": next((entry[1:] for entry in reversed(fields) if entry[0] == "search"), []),
        "stub": stub,
    }


def listeners(root: Root, ours: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Return what listens on the host, with its process and whether that is the platform's own.

    `ours` is what is the platform's, as `others.ours` returns it.
    """
    sockets = list(_sockets(root))
    owners = _owners(root, {entry[3] for entry in sockets})
    has_pods = any(path.endswith("/kubelet") for path in ours["programs"])
    found: dict[tuple[str, int, str], dict[str, Any]] = {}
    for protocol, address, port, inode in sockets:
        process = owners.get(inode, "")
        unit = _unit(root, process)
        name = root.word(f"/proc/{process}/comm") if process else ""
        program = root.link(f"/proc/{process}/exe") if process else ""
        is_ours = unit in ours["units"] or program in ours["programs"] or (has_pods and (unit == "pod" or not process))
        entry = {"protocol": protocol, "port": port, "address": address, "process": name, "unit": unit, "ours": is_ours}
        found.setdefault((protocol, port, name), entry)
    return [found[key] for key in sorted(found)]


def _sockets(root: Root) -> Iterator[tuple[str, str, int, str]]:
    for protocol, table in _TABLES:
        for line in root.lines(table)[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTENING[protocol]:
                address, _, port = fields[1].partition(":")
                yield protocol, _address(address), int(port, 16), fields[9]


def _address(text: str) -> str:
    """Return an address from the kernel's tables, which have the processor's order of bytes."""
    words = [int(text[place : place + 8], 16).to_bytes(4, sys.byteorder) for place in range(0, len(text), 8)]
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, b"".join(words))


def _owners(root: Root, inodes: set[str]) -> dict[str, str]:
    """Return the process that has each socket open."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, str] = {}
    for process in (name for name in root.names("/proc") if name.isdigit()):
        for descriptor in root.names(f"/proc/{process}/fd"):
            inode = wanted.get(root.link(f"/proc/{process}/fd/{descriptor}"))
            if inode is not None:
                found.setdefault(inode, process)
        if len(found) == len(wanted):
            break
    return found


def _unit(root: Root, process: str) -> str:
    """Return the unit a process belongs to, or `pod`."""
    if not process:
        return ""
    lines = root.lines(f"/proc/{process}/cgroup")
    line = next((entry for entry in lines if entry.startswith("0::") or "name=systemd:" in entry), "")
    if "/kubepods" in line:
        return "pod"
    return next((part for part in reversed(line.split("/")) if part.endswith(".service")), line.rpartition("/")[2])


def _json(text: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(text or "[]")
    except ValueError:
        return []
    return [entry for entry in found if entry]
