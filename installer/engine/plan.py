"""What a run will do, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from installer.engine.graph import deployment_order, steps_for
from installer.errors import UsageError
from installer.model.catalog import Catalog
from installer.model.component import Component
from installer.model.deployed import PARTS, Deployed, Ingredients
from installer.model.inventory import Inventory
from installer.model.plan import Change, Plan, PlannedComponent


@dataclass(frozen=True)
class Selection:
    """Which components a command line means; empty `only` means all."""

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()


def make_plan(
    catalog: Catalog,
    inventory: Inventory,
    ingredients: Mapping[str, Ingredients],
    journal: Mapping[str, Deployed],
    selection: Selection = Selection(),  # noqa: B008 - frozen and empty
) -> Plan:
    """Return every component with what will happen to it, and the steps to get there.

    Raises:
        UsageError: a selected component does not exist.
    """
    chosen = _chosen(catalog, selection)
    planned = []
    for component in deployment_order(catalog, catalog.names):
        if component.name not in chosen:
            continue
        parts = ingredients[component.name]
        change, reason = _change(parts, journal.get(component.name))
        hosts = inventory.members(component.description.runs_on)
        planned.append(PlannedComponent(component.name, change, reason, hosts, parts.fingerprint))
    deploy = {item.component for item in planned if item.change is not Change.UNCHANGED}
    order = [catalog[item.component] for item in planned if item.hosts]
    names = {component.name for component in order}
    fingerprints = {item.component: item.fingerprint for item in planned}
    return Plan(tuple(planned), steps_for(order, fingerprints, deploy & names, names))


def _chosen(catalog: Catalog, selection: Selection) -> Collection[str]:
    unknown = [name for name in (*selection.only, *selection.skip) if name not in catalog]
    if unknown:
        raise UsageError(
            f"There is no component {', '.join(unknown)} in this inventory.",
            hint=f"Its components are {', '.join(sorted(catalog.names))}.",
        )
    wanted: set[str] = set(selection.only) or set(catalog.names)
    return wanted - set(selection.skip)


def _change(parts: Ingredients, deployed: Deployed | None) -> tuple[Change, str]:
    if deployed is None:
        return Change.INSTALL, "not deployed by this site's journal"
    changed = parts.changed_since(deployed.parts)
    if changed:
        return Change.UPGRADE, f"changed: {', '.join(PARTS[name] for name in changed)}"
    if not deployed.good:
        return Change.RESUME, "begun, and not verified"
    return Change.UNCHANGED, "as deployed"


def components_of(plan: Plan, catalog: Catalog) -> tuple[Component, ...]:
    """Return the planned components."""
    return tuple(catalog[item.component] for item in plan.components)
