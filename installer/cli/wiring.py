"""Builds adapters and hands them to workflows: the only module that knows both."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from installer.adapters.catalog_files import load_catalog
from installer.adapters.interface_files import load_interface
from installer.adapters.inventory_files import load_inventory, locate_inventory
from installer.adapters.lock_files import read_lock, stands_in
from installer.adapters.preflight_checks import load_checks
from installer.adapters.process import kill_running, operator
from installer.adapters.state_folder import own_folder
from installer.cli.options import Common, Output
from installer.errors import UsageError
from installer.model.artifact import Lock
from installer.model.catalog import Catalog
from installer.model.inventory import Interface, Inventory
from installer.model.lab import OF_A_CONTROL_PLANE, OF_OTHERS, Lab, LabHost
from installer.model.preflight import CheckDescription
from installer.ports import PageStore, Reporter
from installer.workflows.check_inventory import require_valid

if TYPE_CHECKING:
    from installer.adapters.lab.provider import LabProvider

PROJECT = Path(__file__).resolve().parents[2]
_MIB = 1 << 20
_LOCK = "bundle.lock.json"


@dataclass(frozen=True)
class Site:
    """One inventory with everything it stands on, each read when it is first asked for.

    Attributes:
        lenient: take the inventory with its mistakes, as one does to stop what it once described.
    """

    options: Common
    reporter: Reporter
    lenient: bool = False

    @cached_property
    def inventory_path(self) -> Path:
        """Return the inventory's place."""
        if self.options.inventory is None:
            raise UsageError(
                "No inventory was named.", hint="Add --inventory NAME: `lab`, `onprem`, or a path of your own."
            )
        return locate_inventory(self.options.inventory, PROJECT)

    @cached_property
    def inventory(self) -> Inventory:
        """Return the inventory.

        Raises:
            InvalidConfiguration: with every mistake in it.
        """
        if not self.lenient:
            require_valid(self._written, self.interface, self.whole_catalog, None)
        return self._written

    @cached_property
    def lock(self) -> Lock:
        """Return what the site's bundle is built from.

        Raises:
            InvalidConfiguration: there is none, it is not of this catalogue, or the inventory has mistakes.
        """
        found = self.lock_if_any
        require_valid(self._written, self.interface, self.whole_catalog, found, needs_lock=True)
        assert found is not None
        return found

    @cached_property
    def _written(self) -> Inventory:
        return load_inventory(self.inventory_path, PROJECT)

    @cached_property
    def interface(self) -> Interface:
        """Return what an inventory may set."""
        return load_interface(PROJECT)

    @cached_property
    def preflight_checks(self) -> tuple[CheckDescription, ...]:
        """Return every check there is before an installation."""
        return load_checks(PROJECT)

    @cached_property
    def whole_catalog(self) -> Catalog:
        """Return every component there is."""
        return load_catalog(PROJECT / "roles")

    @cached_property
    def catalog(self) -> Catalog:
        """Return the components this inventory wants."""
        without = self.value("platform_without") or {}
        return Catalog({c.name: c for c in self.whole_catalog if c.name not in without})

    @property
    def json(self) -> bool:
        """Return whether stdout carries JSON."""
        return self.options.output is Output.JSON

    @property
    def lab_name(self) -> str:
        """Return the lab's name; empty when the inventory is none."""
        return _lab_name(self.inventory)

    @property
    def key(self) -> str:
        """Return what tells this site's state from others'."""
        return _key(self.inventory)

    @property
    def state_place(self) -> Path:
        """Return where the state directory is, or would be."""
        # Where it is does not hang on whether the inventory is right: mistakes are told together with a lock's.
        return self.options.state or _home("state") / _key(self._written)

    @cached_property
    def state(self) -> Path:
        """Return the state directory, made for its owner alone."""
        return own_folder(self.state_place)

    @property
    def ansible_environment(self) -> dict[str, str]:
        """Return what Ansible must know of this site beside its inventory."""
        return {
            "PLATFORM_STATE_FOLDER": str(self.state_place),
            "PLATFORM_LOCK": str(self.lock_path),
            "PLATFORM_OPERATOR": f"{operator()}@{socket.gethostname()}",
            **({"PLATFORM_LAB": self.lab_name} if self.lab_name else {}),
        }

    @property
    def carried(self) -> dict[str, object]:
        """Return where the roles find the bundle when the operator sits at the admin host: where it was verified."""
        admins = [self.inventory.hosts[name] for name in self.inventory.members("admin")]
        local = any(host.variables.get("ansible_connection") == "local" for host in admins)
        return {"platform_bundle": str(self.bundle.resolve())} if local else {}

    @cached_property
    def cache(self) -> Path:
        """Return where what can be had again is kept."""
        return _home("cache")

    @property
    def bundle(self) -> Path:
        """Return the bundle's folder."""
        if self.options.bundle is not None:
            return self.options.bundle
        if self.lab_name:
            return self.lab_provider.layout(self.lab_name).media / "bundle"
        return self.state_place / "bundle"

    @property
    def own_lock_path(self) -> Path:
        """Return where the inventory's own lock lies."""
        folder = self.inventory_path if self.inventory_path.is_dir() else self.inventory_path.parent
        return folder / _LOCK

    @cached_property
    def lock_if_any(self) -> Lock | None:
        """Return the inventory's lock, if it has one, unchecked."""
        return read_lock(self.lock_path)

    def forget_lock(self) -> None:
        """Read the lock again when it is next asked for: another stands in for it now."""
        for name in ("lock", "lock_if_any"):
            self.__dict__.pop(name, None)

    @property
    def stand_in_lock_path(self) -> Path:
        """Return where the lock of a lab lies, or would, whose packages had to be pinned anew."""
        return self.state_place / _LOCK

    @property
    def lock_path(self) -> Path:
        """Return the lock in force: the inventory's, or a lab's own that stands in for it as it is now."""
        own = self.own_lock_path
        other = self.stand_in_lock_path
        return other if _lab_name(self._written) and stands_in(other, own) else own

    @property
    def allowed_signers(self) -> Path:
        """Return who may sign bundles; a lab trusts the key it made itself."""
        if self.lab_name:
            return self.state / "allowed_signers"
        return self.own_lock_path.with_name("allowed_signers")

    def value(self, name: str) -> Any:
        """Return a variable's value for all hosts, or its default."""
        found = self.inventory.value(name)
        return self.interface.defaults.get(name) if found is None else found

    @cached_property
    def lab_provider(self) -> LabProvider:
        """Return what makes labs."""
        from installer.adapters.lab.provider import LabProvider

        return LabProvider(self.reporter)

    @cached_property
    def lab(self) -> Lab:
        """Return the lab the inventory describes.

        Raises:
            UsageError: it describes none.
        """
        if not self.lab_name:
            raise UsageError(
                f"The inventory {self.inventory.name} describes no lab.", hint="Use --inventory lab, or set `lab_name`."
            )
        media = self.lab_provider.layout(self.lab_name).media
        admins, control_planes = self.inventory.members("admin"), self.inventory.members("control_plane")
        return Lab(
            name=self.lab_name,
            hosts=tuple(
                LabHost(
                    name=name,
                    address=_address(host.variables, name),
                    memory=int(host.variables.get("lab_memory_mib") or self.value("lab_memory_mib")) * _MIB,
                    media=media if name in admins else None,
                    needs=OF_A_CONTROL_PLANE if name in control_planes else OF_OTHERS,
                )
                for name, host in self.inventory.hosts.items()
            ),
            network=IPv4Network(self.value("lab_network")),
            release=self.value("lab_release"),
            packages=tuple(self.value("lab_packages")),
            mirror=self.value("lab_mirror") or "",
        )


def rendered_files() -> PageStore:
    """Return the project's rendered files."""
    from installer.adapters.page_files import PageFiles

    return PageFiles(PROJECT)


def _address(variables: Mapping[str, Any], name: str) -> Any:
    from ipaddress import IPv4Address

    from installer.errors import InvalidConfiguration, Problem

    try:
        return IPv4Address(variables.get("ansible_host", ""))
    except ValueError as error:
        problem = Problem(name, "has no IPv4 address.", "Set `ansible_host` for this lab host.")
        raise InvalidConfiguration([problem]) from error


def _lab_name(inventory: Inventory) -> str:
    """Return the lab an inventory means, `PLATFORM_LAB` included; empty when it is none."""
    named = str(inventory.value("lab_name") or "")
    return (os.environ.get("PLATFORM_LAB") or named) if named else ""


def _key(inventory: Inventory) -> str:
    lab = _lab_name(inventory)
    return f"{inventory.name}-{lab}" if lab not in ("", inventory.name) else inventory.name


def _home(kind: str) -> Path:
    """Return where this user's state or cache lies."""
    if os.geteuid() == 0:
        return Path("/var/lib/platform-install" if kind == "state" else "/var/cache/platform-install")
    variable, default = ("XDG_STATE_HOME", ".local/state") if kind == "state" else ("XDG_CACHE_HOME", ".cache")
    return Path(os.environ.get(variable) or Path.home() / default) / "platform-install"


def end_programs() -> None:
    """End every program that a workflow waits for."""
    kill_running()
