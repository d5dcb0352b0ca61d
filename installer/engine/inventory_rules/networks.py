"""Networks: apart from each other, and wide enough."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)
from typing import Any

from installer.engine.inventory_rules.subject import EACH, Subject, is_opaque, show, spell, texts_at
from installer.engine.inventory_rules.values import judge
from installer.errors import Problem
from installer.model.inventory import VariableSpec, Way

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_INSIDE = ("platform_pod_network", "platform_service_network")
_HOSTS = "platform_host_networks"
_RANGE = "platform_load_balancer_addresses"
# Where hosts may go beside their own networks, with the key that holds the network in an entry.
_SITE = {
    "egress_guard_networks": "network",
    "platform_egress_allowed": "address",
    "platform_dns_servers": "",
    "platform_time_servers": "",
}
# What pods may reach outside: a policy takes networks alone.
REACHED: Mapping[str, Way] = {
    "falco_alertmanager": ("networks", EACH),
    "falco_loki": ("networks", EACH),
    "harbor_reaches": (EACH, "network"),
    "model_registry_reaches": (EACH, "network"),
}
_ROOM = ("cluster_network_host_prefix", "kubernetes_max_pods")
# Every variable these rules speak of.
NAMES = (*_INSIDE, _HOSTS, _RANGE, *_SITE, *REACHED, *_ROOM, "platform_api_address")
_ADDRESS_BITS = 32


@dataclass(frozen=True)
class Place:
    """A network that an inventory names.

    Attributes:
        name: the variable.
        way: the way to it inside the variable's value.
    """

    name: str
    way: Way
    network: Network

    def where(self, subject: Subject) -> str:
        """Return `file:line`."""
        return subject.inventory.where(self.name, way=self.way)

    def __str__(self) -> str:
        single = self.network.num_addresses == 1
        return f"{spell(self.name, self.way)} ({self.network.network_address if single else self.network})"


@dataclass(frozen=True)
class Range:
    """Addresses from the first to the last."""

    start: Address
    stop: Address

    def __contains__(self, address: Address) -> bool:
        return address.version == self.start.version and int(self.start) <= int(address) <= int(self.stop)

    def __str__(self) -> str:
        return f"{self.start} to {self.stop}"


def address_of(value: Any) -> Address | None:
    """Return an address, or None when the value is none."""
    try:
        return ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return None


def network_of(value: Any) -> Network | None:
    """Return a network, or None when the value is none; an address is a network of one."""
    try:
        return ip_network(value) if isinstance(value, str) else None
    except ValueError:
        return None


def host_networks(subject: Subject) -> tuple[Place, ...]:
    """Return the networks that hosts are on; none while one of them is no network, and told by its type."""
    places = tuple(_places(subject, _HOSTS))
    return places if len(places) == len(subject.entries(_HOSTS)) else ()


def load_balancer_range(subject: Subject) -> Range | None:
    """Return the addresses of services, in the order written; None when there are none."""
    value = subject.value(_RANGE)
    if not isinstance(value, dict):
        return None
    start, stop = address_of(value.get("start")), address_of(value.get("stop"))
    if start is None or stop is None or start.version != stop.version:
        return None
    return Range(start, stop)


def overlapping_networks(subject: Subject) -> Iterator[Problem]:
    """Find networks that meet: an address would mean two things."""
    inside = [place for name in _INSIDE for place in _places(subject, name)]
    hosts = host_networks(subject)
    outside = [*hosts, *_range_places(subject), *_places(subject, "platform_api_address")]
    for name, key in _SITE.items():
        outside += _places(subject, name, key)
    pairs = [
        *itertools.combinations(inside, 2),
        *itertools.product(inside, outside),
        *itertools.combinations(hosts, 2),
    ]
    for first, second in dict.fromkeys(pairs):
        if _meet(first.network, second.network):
            cure = "Keep the wider one." if first in hosts else f"Give {first.name} addresses that no host can reach."
            written = first.where(subject) if first.name in subject.inventory.lines else "its default"
            yield Problem(second.where(subject), f"{second} meets {first}, {written}.", cure)


def small_pod_network(subject: Subject) -> Iterator[Problem]:
    """Find a pod network without a share for every host, and shares without room for its pods."""
    network = network_of(subject.value("platform_pod_network"))
    prefix = subject.value("cluster_network_host_prefix")
    if not isinstance(network, IPv4Network) or not isinstance(prefix, int) or not 0 < prefix < _ADDRESS_BITS:
        return
    nodes = subject.inventory.members("control_plane:worker")
    shares = 2 ** (prefix - network.prefixlen) if prefix >= network.prefixlen else 0
    if shares < len(nodes):
        needed = prefix - max(0, len(nodes) - 1).bit_length()
        message = f"platform_pod_network ({network}) holds {shares} shares of /{prefix}; there are {len(nodes)} nodes."
        cure = f"Make it /{needed} or wider, or set cluster_network_host_prefix to a longer one."
        yield Problem(subject.inventory.where("platform_pod_network"), message, cure)
    room = 2 ** (_ADDRESS_BITS - prefix) - 2
    pods = max((_whole(subject.value("kubernetes_max_pods", node)) for node in nodes), default=0)
    if pods > room:
        message = f"cluster_network_host_prefix (/{prefix}) has {room} addresses a node; kubernetes_max_pods is {pods}."
        needed = _ADDRESS_BITS - (pods + 1).bit_length()
        yield Problem(_written(subject, *_ROOM), message, f"Use /{needed}, or fewer pods.")


def inner_families(subject: Subject) -> Iterator[Problem]:
    """Find networks of IPv6 where the platform's parts speak IPv4 with each other."""
    for name in (*_INSIDE, "platform_api_address"):
        for place in _places(subject, name):
            if place.network.version != 4:
                yield Problem(place.where(subject), f"{place} is IPv6.", "Write one of IPv4.")


def site_networks(subject: Subject) -> Iterator[Problem]:
    """Find what hosts may reach and is neither a network nor an address."""
    for name, key in _SITE.items():
        for way, value in _values(subject, name, key):
            if key and isinstance(value, str) and not is_opaque(value) and network_of(value) is None:
                message = f"{spell(name, way)} must be a network or an address, not {show(value)}."
                wider = _without_host_bits(value)
                cure = f"It has bits set behind its prefix: write {wider}." if wider else "Write such as 192.0.2.0/24."
                yield Problem(subject.inventory.where(name, way=way), message, cure)


def reached_networks(subject: Subject) -> Iterator[Problem]:
    """Find what pods may reach and is no network."""
    for name, way in REACHED.items():
        for where, found, value in texts_at(subject, name, way):
            for _, message, cure in judge(VariableSpec(name, "network", "", required=True), value, found):
                yield Problem(where, message, cure)


def _places(subject: Subject, name: str, key: str = "") -> Iterator[Place]:
    for way, value in _values(subject, name, key):
        network = network_of(value)
        # Where a network must be, an address without a prefix length is a mistake told by its type.
        if network is not None and ("/" in value or name not in (_HOSTS, *_INSIDE)):
            yield Place(name, way, network)


def _values(subject: Subject, name: str, key: str = "") -> Iterator[tuple[Way, Any]]:
    """Yield the value of a variable, or those of its entries."""
    value = subject.value(name)
    entries: list[tuple[Way, Any]] = [((), value)]
    if isinstance(value, list):
        entries = [((index,), entry) for index, entry in enumerate(value)]
    for way, entry in entries:
        if not key:
            yield way, entry
        elif isinstance(entry, dict):
            yield (*way, key), entry.get(key)


def _range_places(subject: Subject) -> Iterator[Place]:
    found = load_balancer_range(subject)
    if found is None or int(found.start) > int(found.stop):
        return
    inside = [network for name in _INSIDE if (network := network_of(subject.value(name))) is not None]
    # One of them says enough: a range falls into many networks.
    for network in summarize_address_range(found.start, found.stop):
        if any(_meet(network, other) for other in inside):
            yield Place(_RANGE, (), network)
            return


def _meet(first: Network, second: Network) -> bool:
    return first.version == second.version and first.overlaps(second)


def _written(subject: Subject, *names: str) -> str:
    """Return where the first of the variables is that the inventory sets."""
    return subject.inventory.where(next((name for name in names if name in subject.inventory.lines), ""))


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _without_host_bits(value: str) -> Network | None:
    try:
        return ip_network(value, strict=False)
    except ValueError:
        return None


RULES = (overlapping_networks, small_pod_network, inner_families, site_networks, reached_networks)
