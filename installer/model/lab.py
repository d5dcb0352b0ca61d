"""The lab: bare hosts on one machine, as an inventory describes them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

MOST_HOSTS = 12
_GIB = 1 << 30


@dataclass(frozen=True)
class Needs:
    """What a host takes of the machine at its busiest, as counted with every component.

    Attributes:
        memory: bytes; a part of the installer's own is in it.
        watchers: file watchers (inotify instances) that its programs hold.
    """

    memory: int
    watchers: int


OF_A_CONTROL_PLANE = Needs(memory=int(2.9 * _GIB), watchers=32)
OF_OTHERS = Needs(memory=int(0.9 * _GIB), watchers=18)


@dataclass(frozen=True)
class LabHost:
    """One bare host.

    Attributes:
        memory: bytes it may use.
        media: a folder of the machine shown read-only at `/media/platform`, like a carried disk.
        needs: what it will take of the machine.
    """

    name: str
    address: IPv4Address
    memory: int
    media: Path | None = None
    needs: Needs = OF_OTHERS


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
