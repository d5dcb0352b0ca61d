"""Addresses: each host's own, the API's, the services', and who is asked for time and names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from installer.engine.inventory_rules.networks import Address, address_of, host_networks, load_balancer_range
from installer.engine.inventory_rules.subject import Subject, is_opaque, listed, show, spell
from installer.errors import Problem

_OWN = "platform_address"
_API = "platform_api_address"
_RANGE = "platform_load_balancer_addresses"
_NETWORKS = "platform_host_networks"
_DNS_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?\Z", re.IGNORECASE)
_LONGEST_NAME = 253


def hosts_without_address(subject: Subject) -> Iterator[Problem]:
    """Find hosts that other hosts could not be told the address of."""
    for name in subject.inventory.hosts:
        variable, text = _given(subject, name)
        # A platform_address that is none is told by its type.
        if text is None or variable == _OWN or address_of(text) is not None:
            continue
        where = subject.inventory.where(variable or name, name if variable else None)
        how = f"is reached as {show(text)}" if variable else "has no ansible_host"
        cure = f"Set `{_OWN if variable else 'ansible_host'}` to its address on the platform's network."
        yield Problem(where, f"{name} {how}; its address is not known.", cure)


def shared_addresses(subject: Subject) -> Iterator[Problem]:
    """Find addresses that two hosts have."""
    owners: dict[Address, str] = {}
    for name, address in host_addresses(subject).items():
        other = owners.setdefault(address, name)
        if other != name:
            message = f"{name} has the address {address}, which {other} has too ({_where(subject, other)})."
            yield Problem(_where(subject, name), message, "Give each host its own.")


def hosts_outside_networks(subject: Subject) -> Iterator[Problem]:
    """Find hosts on networks the platform does not know to be its own."""
    networks = host_networks(subject)
    if not networks:
        return
    for name, address in host_addresses(subject).items():
        if not any(address in place.network for place in networks):
            known = listed(str(place.network) for place in networks)
            message = f"{name} has the address {address}, outside {_NETWORKS} ({known})."
            yield Problem(_where(subject, name), message, f"Correct it, or add its network to `{_NETWORKS}`.")


def api_address(subject: Subject) -> Iterator[Problem]:
    """Find an API address that no control plane could answer at, or that is somebody else's."""
    address = address_of(subject.value(_API))
    networks = host_networks(subject)
    if address is None:
        return
    where = subject.inventory.where(_API)
    hosts = host_addresses(subject)
    around = [place for place in networks if address in place.network]
    if networks and not around:
        known = listed(str(place.network) for place in networks)
        cure = "Choose a free address on the control planes' network."
        yield Problem(where, f"{_API} ({address}) is outside {_NETWORKS} ({known}).", cure)
    for name, own in hosts.items():
        if own == address:
            yield Problem(where, f"{_API} ({address}) is the address of {name}.", "Choose one that no host has.")
    for name in subject.inventory.members("control_plane") if around else ():
        own_address = hosts.get(name)
        if own_address is not None and any(own_address in place.network for place in networks):
            if not any(own_address in place.network for place in around):
                message = f"{_API} ({address}) is on another network than the control plane {name} ({own_address})."
                yield Problem(where, message, "It can only be where all control planes are.")
    services = load_balancer_range(subject)
    if services is not None and address in services:
        yield Problem(where, f"{_API} ({address}) is in {_RANGE} ({services}).", "Choose one outside of them.")


def service_addresses(subject: Subject) -> Iterator[Problem]:
    """Find addresses for services that are in no order, nobody would answer for, or are hosts'."""
    services = load_balancer_range(subject)
    if services is None:
        return
    where = subject.inventory.where(_RANGE)
    if int(services.start) > int(services.stop):
        cure = "Write the lower one as `start`."
        yield Problem(where, f"{_RANGE} begins behind its end: {services}.", cure)
        return
    networks = host_networks(subject)
    layer2 = subject.value("cluster_network_announcement") in (None, "layer2")
    if layer2 and networks and not any(services.start in p.network and services.stop in p.network for p in networks):
        known = listed(str(place.network) for place in networks)
        message = f"{_RANGE} ({services}) is not within one of {_NETWORKS} ({known})."
        cure = "Choose free addresses there, or tell routers of them: `cluster_network_announcement: bgp`."
        yield Problem(where, message, cure)
    for name, address in host_addresses(subject).items():
        if address in services:
            message = f"{_RANGE} ({services}) holds {address}, the address of {name}."
            yield Problem(where, message, "Choose addresses that no host has.")


def server_names(subject: Subject) -> Iterator[Problem]:
    """Find time servers and domains that are no names."""
    for index, server in enumerate(subject.entries("platform_time_servers")):
        if isinstance(server, str) and not is_opaque(server) and address_of(server) is None and not _is_name(server):
            message = f"{spell('platform_time_servers', (index,))} is neither an address nor a name: {show(server)}."
            where = subject.inventory.where("platform_time_servers", way=(index,))
            yield Problem(where, message, "Write such as 192.0.2.1 or time.example.com, without a port.")
    domain = subject.value("platform_domain")
    if isinstance(domain, str) and not _is_name(domain):
        cure = "Write such as platform.example.com."
        yield Problem(subject.inventory.where("platform_domain"), f"platform_domain is no name: {show(domain)}.", cure)


def host_addresses(subject: Subject) -> Mapping[str, Address]:
    """Return the address of each host that has one which is known here."""
    given = ((name, _given(subject, name)[1]) for name in subject.inventory.hosts)
    return {name: address for name, text in given if (address := address_of(text)) is not None}


def _given(subject: Subject, host: str) -> tuple[str, str | None]:
    """Return the variable that says where a host is, and what it says; None when only the host knows."""
    for name in (_OWN, "ansible_host"):
        value = subject.inventory.value(name, host)
        if value is not None and value != subject.interface.defaults.get(name):
            return name, None if is_opaque(value) else str(value)
    return "", host


def _where(subject: Subject, host: str) -> str:
    variable, _ = _given(subject, host)
    return subject.inventory.where(variable, host) if variable else subject.inventory.where(host)


def _is_name(text: str) -> bool:
    # What has digits and dots alone is an address gone wrong.
    return len(text) <= _LONGEST_NAME and _DNS_NAME.match(text) is not None and not re.fullmatch(r"[\d.]+", text)


RULES = (
    hosts_without_address,
    shared_addresses,
    hosts_outside_networks,
    api_address,
    service_addresses,
    server_names,
)
