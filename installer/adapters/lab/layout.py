"""Where a lab keeps its things on the machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/var/lib/platform-lab")


@dataclass(frozen=True)
class LabLayout:
    """Paths and kernel names of one lab.

    Attributes:
        folder: everything the lab keeps on disk.
    """

    name: str
    root: Path = ROOT

    @property
    def folder(self) -> Path:
        """Return the lab's folder."""
        return self.root / self.name

    @property
    def roots(self) -> Path:
        """Return the folder of root file systems, shared by all labs."""
        return self.root / ".roots"

    @property
    def media(self) -> Path:
        """Return the folder shown to the admin host as a carried disk."""
        return self.folder / "media"

    @property
    def key(self) -> Path:
        """Return the private key that opens every host."""
        return self.folder / "keys" / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """Return the hosts' public keys, as ssh reads them."""
        return self.folder / "keys" / "known_hosts"

    @property
    def ssh(self) -> Path:
        """Return the program that is ssh inside the lab's network."""
        return self.folder / "ssh"

    @property
    def sockets(self) -> Path:
        """Return where ssh keeps its shared connections; short, for a socket's path is bounded."""
        return self.folder / "cp"

    @property
    def namespace(self) -> str:
        """Return the network namespace of the bridge."""
        return f"plab-{self.name}"

    def host(self, name: str) -> HostLayout:
        """Return the paths of one host."""
        return HostLayout(self, name)


@dataclass(frozen=True)
class HostLayout:
    """Paths and kernel names of one host."""

    lab: LabLayout
    name: str

    @property
    def folder(self) -> Path:
        """Return the host's folder: its disk and its console's log."""
        return self.lab.folder / "hosts" / self.name

    @property
    def root(self) -> Path:
        """Return where the host's file system is mounted."""
        return self.folder / "root"

    @property
    def upper(self) -> Path:
        """Return what the host wrote over the common root file system."""
        return self.folder / "upper"

    @property
    def namespace(self) -> str:
        """Return the host's network namespace."""
        return f"plab-{self.lab.name}-{self.name}"

    @property
    def cgroup(self) -> str:
        """Return the name of the host's control groups."""
        return f"platform-lab-{self.lab.name}-{self.name}"

    @property
    def console(self) -> Path:
        """Return the log of what the host printed on its console."""
        return self.folder / "console.log"

    @property
    def cgroup_record(self) -> Path:
        """Return the file that names every control group made for the host."""
        return self.folder / "cgroups"

    @property
    def running(self) -> Path:
        """Return the file that names the host's first process while it runs."""
        return self.folder / "leader"

    @property
    def answered(self) -> Path:
        """Return the file that says which run of the host has answered on ssh."""
        return self.folder / "answered"
