"""Rules on a host's names, addresses and networks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network

from ansible_collections.platform.base.plugins.module_utils.preflight_rules.model import (
    Check,
    Facts,
    Finding,
    interface_of,
    listed,
    network_of,
)

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_EVERYTHING = ("0.0.0.0/0", "::/0")


def hostname_valid(_facts: Facts, name: str) -> Iterator[Finding]:
    """Nodes, certificates and name servers take such names alone."""
    if not _LABEL.fullmatch(name):
        yield Finding(
            f"is named {name!r} in the inventory, which is no name for a host.",
            "Use small letters, digits and hyphens, 63 at most.",
        )


def hostname_matches(facts: Facts, name: str, others: Sequence[str], program: str = "") -> Iterator[Finding]:
    """A host that has another's name is probably another host, and a node cannot change its own.

    A new host takes its name from the inventory; `program` is the platform's where it is a node already.
    """
    found = facts["hostname"].partition(".")[0].lower()
    if found == name.lower():
        return
    if found in [other.lower() for other in others]:
        yield Finding(
            f"calls itself {facts['hostname']}, as the inventory names another host.",
            "Look whether their addresses are mixed up.",
        )
    elif program and program in facts["ours"]["programs"]:
        yield Finding(
            f"is a node by the name of {facts['hostname']}, and {name} in the inventory.",
            "Give it its old name in the inventory.",
        )


def address_on_host(facts: Facts, address: str) -> Iterator[Finding]:
    """The platform's services listen on this address, and certificates name it."""
    if interface_of(facts, address) is None:
        found = listed(entry for link in facts["interfaces"] for entry in link["addresses"])
        yield Finding(
            f"does not have its address {address}; it has {found or 'none'}.",
            "Correct `platform_address`, or the host's network.",
        )


def host_networks_hold_address(_facts: Facts, address: str, networks: Sequence[str]) -> Iterator[Finding]:
    """What is not on these networks is cut off by the egress guard."""
    if not any(ip_address(address) in ip_network(network) for network in networks):
        yield Finding(
            f"has the address {address}, which is in none of {listed(networks)}.",
            "Add its network to `platform_host_networks`.",
        )


def default_route(facts: Facts) -> Iterator[Finding]:
    """Services' addresses are translated on their way out; without a default route there is no way out."""
    if not any(route["network"] in _EVERYTHING for route in facts["routes"]):
        yield Finding("has no default route.", "Give it one, even where nothing answers behind it.")


def mtu_minimum(facts: Facts, address: str, minimum: int) -> Iterator[Finding]:
    """Packets between pods carry a second header, and must still fit."""
    link = interface_of(facts, address)
    if link is not None and link["mtu"] < int(minimum):
        yield Finding(
            f"sends packets of {link['mtu']} bytes at most by {link['name']}; {minimum} are needed.",
            f"Raise {link['name']}'s MTU.",
        )


def api_address_on_network(facts: Facts, api_address: str, address: str) -> Iterator[Finding]:
    """The API's address moves between hosts, which only works on their own network."""
    network = network_of(facts, address)
    if network is not None and ip_address(api_address) not in network:
        yield Finding(
            f"is on {network}, where the API's address {api_address} is not.",
            "Choose `platform_api_address` from that network.",
        )


def pod_network_free(facts: Facts, network: str, used: Sequence[str]) -> Iterator[Finding]:
    """What hosts reach by an address that pods have too, they reach no more."""
    yield from _meets(facts, network, used, "platform_pod_network")


def service_network_free(facts: Facts, network: str, used: Sequence[str]) -> Iterator[Finding]:
    """What hosts reach by an address that services have too, they reach no more."""
    yield from _meets(facts, network, used, "platform_service_network")


def load_balancer_range_on_network(facts: Facts, start: str, stop: str, address: str) -> Iterator[Finding]:
    """Hosts answer for these addresses on their own network alone."""
    network = network_of(facts, address)
    if network is not None and not (ip_address(start) in network and ip_address(stop) in network):
        yield Finding(
            f"is on {network}, and {start} to {stop} is not.",
            "Choose `platform_load_balancer_addresses` from that network.",
        )


def _meets(facts: Facts, network: str, used: Sequence[str], setting: str) -> Iterator[Finding]:
    wanted = ip_network(network)
    routes = {route["network"]: route["device"] for route in facts["routes"] if route["network"] not in _EVERYTHING}
    met = [f"{target} ({device})" for target, device in routes.items() if _overlap(wanted, target)]
    met += [f"{target} (in the inventory)" for target in used if _overlap(wanted, target)]
    if met:
        yield Finding(f"reaches {listed(met)}, which meets {network}.", f"Choose another `{setting}`.")


def _overlap(network: object, other: str) -> bool:
    found = ip_network(other, strict=False)
    return isinstance(network, type(found)) and network.overlaps(found)


CHECKS = (
    Check(hostname_valid), Check(hostname_matches), Check(address_on_host), Check(host_networks_hold_address),
    Check(default_route), Check(mtu_minimum), Check(api_address_on_network), Check(pod_network_free),
    Check(service_network_free), Check(load_balancer_range_on_network),
)  # fmt: skip
