"""The lab: bare hosts on one machine, as an inventory describes them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

MOST_HOSTS = 12
# File watchers (inotify instances) that a host's programs hold at their busiest, as counted.
CONTROL_PLANE_WATCHERS = 32
OTHER_WATCHERS = 18


@dataclass(frozen=True)
class LabHost:
    """One bare host.

    Attributes:
        memory: bytes it may use.
        media: a folder of the machine shown read-only at `/media/platform`, like a carried disk.
        watchers: how many file watchers its programs will hold.
    """

    name: str
    address: IPv4Address
    memory: int
    media: Path | None = None
    watchers: int = OTHER_WATCHERS


@dataclass(frozen=True)
class Lab:
    """A lab by name; labs of different names do not meet.

    Attributes:
        network: the hosts' network; its first address is the bridge.
        release: the hosts' Debian release.
        packages: what a bare host has, beside Debian's essential packages.
        mirror: a Debian mirror; the machine's own when empty.
    """

    name: str
    hosts: tuple[LabHost, ...]
    network: IPv4Network
    release: str
    packages: tuple[str, ...]
    mirror: str = ""

    @property
    def gateway(self) -> IPv4Address:
        """Return the bridge's address."""
        return self.network.network_address + 1

    def host(self, name: str) -> LabHost:
        """Return a host.

        Raises:
            KeyError: the lab has no host of that name.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)


@dataclass(frozen=True)
class LabHostStatus:
    """How one host fares; counters are packets addressed outside the lab's network."""

    name: str
    address: IPv4Address
    running: bool
    memory: int
    left_host: int


@dataclass(frozen=True)
class LabStatus:
    """How a lab fares; `left_bridge` counts packets seen on the bridge for addresses outside."""

    name: str
    hosts: tuple[LabHostStatus, ...]
    left_bridge: int
    offenders: tuple[str, ...] = ()
