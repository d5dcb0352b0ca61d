"""The lab's network: a bridge in a network namespace of its own, without a way out.

Counters on the bridge and at every host's last hook count packets for addresses outside; they stay
at zero when nothing tries to leave.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from installer.adapters.lab.layout import HostLayout, LabLayout
from installer.adapters.process import CommandFailed, run

BRIDGE = "br0"
_LONGEST_PORT = 15
_NAMESPACES = Path("/run/netns")

# Who sent what: addresses, protocol and port; where a protocol has no ports, whatever stands in their place.
_LEFT = """
  counter left { }
  set offenders { typeof ip saddr . ip daddr . meta l4proto . th dport; flags dynamic; size 1024; }
  chain leaving {
    counter name left
    add @offenders { ip saddr . ip daddr . meta l4proto . th dport }
  }
"""
_OUTSIDE = "ip daddr != { %s, 224.0.0.0/4, 255.255.255.255 }"
_OUTSIDE_6 = "ip6 daddr != { fe80::/10, ff00::/8 }"

_BRIDGE_RULES = f"""
table inet platform_lab {{
  chain forward {{ type filter hook forward priority 0; policy drop; }}
}}
table bridge platform_lab {{
{_LEFT}
  chain prerouting {{
    type filter hook prerouting priority 0; policy accept;
    ether type ip {_OUTSIDE} jump leaving
    ether type ip6 {_OUTSIDE_6} counter name left
  }}
}}
"""

_HOST_RULES = f"""
table inet platform_lab {{
{_LEFT}
  chain postrouting {{
    type filter hook postrouting priority 300; policy accept;
    oifname != "eth0" return
    {_OUTSIDE} jump leaving
    {_OUTSIDE_6} counter name left
  }}
}}
"""


def namespaces() -> frozenset[str]:
    """Return the named network namespaces of the machine."""
    return frozenset(path.name for path in _NAMESPACES.iterdir()) if _NAMESPACES.exists() else frozenset()


def create_bridge(layout: LabLayout, network: IPv4Network, gateway: IPv4Address) -> None:
    """Make the namespace with the bridge, unless it is whole already."""
    name = layout.namespace
    if (
        name in namespaces()
        and _answers(["ip", "-n", name, "link", "show", BRIDGE, "up"])
        and _has_rules(name, "bridge")
    ):
        return
    remove_namespace(name)
    run(["ip", "netns", "add", name])
    _batch(
        name,
        "link set lo up",
        f"link add {BRIDGE} type bridge",
        f"addr add {gateway}/{network.prefixlen} dev {BRIDGE}",
        f"link set {BRIDGE} up",
    )
    # A rule of some host must not see frames between other hosts.
    for setting in ("iptables", "ip6tables", "arptables"):
        with contextlib.suppress(CommandFailed):
            _inside(name, ["sysctl", "-qw", f"net.bridge.bridge-nf-call-{setting}=0"])
    _inside(name, ["nft", "-f", "-"], _BRIDGE_RULES % network)


def connect(host: HostLayout, address: IPv4Address, network: IPv4Network, gateway: IPv4Address) -> None:
    """Make a host's namespace and plug it into the bridge."""
    bridge, name = host.lab.namespace, host.namespace
    run(["ip", "netns", "add", name])
    port = port_name(host)
    run(["ip", "-n", bridge, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name])
    run(["ip", "-n", bridge, "link", "set", port, "master", BRIDGE, "up"])
    _batch(
        name,
        "link set lo up",
        # A server keeps its card when it loses power.
        f"link set eth0 address {_card(address)}",
        f"addr add {address}/{network.prefixlen} dev eth0",
        "link set eth0 up",
        # Addresses of services are translated on their way out: without a route there is no way out.
        f"route add default via {gateway}",
    )
    _inside(name, ["nft", "-f", "-"], _HOST_RULES % network)


def _card(address: IPv4Address) -> str:
    """Return a host's hardware address: one of the local kind, told by its address."""
    return ":".join(f"{part:02x}" for part in (2, 0, *address.packed))


def disconnect(host: HostLayout) -> None:
    """Pull the plug: the namespace and its addresses are gone."""
    remove_namespace(host.namespace)
    with contextlib.suppress(CommandFailed):
        run(["ip", "-n", host.lab.namespace, "link", "del", port_name(host)])


def remove_namespace(name: str) -> None:
    """Remove a named namespace, if it is there."""
    if name in namespaces():
        run(["ip", "netns", "del", name])


def port_name(host: HostLayout) -> str:
    """Return the bridge's port of a host; the kernel allows 15 characters, so a long name is told by its digest."""
    if len(host.name) <= _LONGEST_PORT - 2:
        return f"p-{host.name}"
    digest = hashlib.sha256(host.name.encode()).hexdigest()
    return f"p-{host.name[:6]}-{digest[:6]}"


def sent_outside(name: str, family: str) -> tuple[int, tuple[str, ...]]:
    """Return how many packets for addresses outside a namespace saw, and `from > to protocol port` of each kind.

    Raises:
        CommandFailed: nobody counted, which is not the same as none.
    """
    if name not in namespaces():
        return 0, ()
    # The one table, and nothing else: an older nft than the hosts' own breaks on the rules that hosts made.
    listing = json.loads(_inside(name, ["nft", "-j", "list", "table", family, "platform_lab"]))["nftables"]
    count = sum(int(entry["counter"]["packets"]) for entry in listing if "counter" in entry)
    elements = [element for entry in listing for element in entry.get("set", {}).get("elem", [])]
    return count, tuple(sorted(_offence(element) for element in elements))


def _offence(element: Mapping[str, Any]) -> str:
    source, *target = map(str, element.get("elem", {}).get("val", element)["concat"])
    return f"{source} > {' '.join(target)}"


def _has_rules(name: str, family: str) -> bool:
    return _answers(["nsenter", f"--net={_NAMESPACES / name}", "nft", "list", "table", family, "platform_lab"])


def _answers(arguments: list[str]) -> bool:
    try:
        return bool(run(arguments).strip())
    except CommandFailed:
        return False


def _batch(namespace: str, *lines: str) -> None:
    run(["ip", "-n", namespace, "-batch", "-"], stdin="".join(f"{line}\n" for line in lines).encode())


def _inside(namespace: str, arguments: list[str], stdin: str | None = None) -> bytes:
    return run(
        ["nsenter", f"--net={_NAMESPACES / namespace}", *arguments], stdin=stdin.encode() if stdin is not None else None
    )
