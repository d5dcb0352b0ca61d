"""Every mistake in an inventory, found before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from installer.engine.inventory_rules import (
    addresses,
    components,
    kernels,
    lock_items,
    moments,
    names,
    networks,
    references,
    secrets,
    templates,
    values,
)
from installer.engine.inventory_rules.subject import Subject
from installer.errors import Problem
from installer.model.artifact import Lock
from installer.model.catalog import Catalog
from installer.model.inventory import Interface, Inventory

Rule = Callable[[Subject], Iterator[Problem]]

RULES: tuple[Rule, ...] = (
    *names.RULES,
    *values.RULES,
    *templates.RULES,
    *networks.RULES,
    *addresses.RULES,
    *components.RULES,
    *references.RULES,
    *moments.RULES,
    *kernels.RULES,
    *lock_items.RULES,
    *secrets.RULES,
)


def check_inventory(
    inventory: Inventory, interface: Interface, catalog: Catalog, lock: Lock | None, needs_lock: bool = False
) -> tuple[Problem, ...]:
    """Return every mistake, in the order of files and lines.

    Args:
        inventory: what the site wants.
        interface: what it may set.
        catalog: every component there is, those the inventory leaves out among them.
        lock: what the site's bundle is built from; None when there is none yet, or it does not matter.
        needs_lock: the lack of a lock is a mistake.
    """
    subject = Subject(inventory, interface, catalog, lock, needs_lock)
    found = [*inventory.mistakes, *(problem for rule in RULES for problem in rule(subject))]
    return tuple(sorted(dict.fromkeys(found), key=_place))


def _place(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.where.rpartition(":")
    return (file, int(line)) if line.isdigit() else (problem.where, 0)
