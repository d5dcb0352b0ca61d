"""Refuse an inventory with mistakes, before anything is done."""

from __future__ import annotations

from installer.engine.inventory_rules import check_inventory
from installer.errors import InvalidConfiguration
from installer.model.artifact import Lock
from installer.model.catalog import Catalog
from installer.model.inventory import Interface, Inventory


def require_valid(
    inventory: Inventory, interface: Interface, catalog: Catalog, lock: Lock | None, needs_lock: bool = False
) -> None:
    """Return when an inventory has no mistake.

    Args:
        inventory: what the site wants.
        interface: what it may set.
        catalog: every component there is, those the inventory leaves out among them.
        lock: what the site's bundle is built from; None where it is about to be written, or does not matter.
        needs_lock: the lack of a lock is a mistake.

    Raises:
        InvalidConfiguration: with every mistake there is.
    """
    problems = check_inventory(inventory, interface, catalog, lock, needs_lock)
    if problems:
        raise InvalidConfiguration(problems)
