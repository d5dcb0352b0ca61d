"""What a run will do, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from installer.engine.graph import deployment_order, steps_for
from installer.engine.selection import hosts_within, members_within, require_known
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
    selection: Selection = Selection(),
    limit: str = "",
) -> Plan:
    """Return every component with what will happen to it, and the steps to get there.

    Args:
        limit: the hosts that may be touched; components that run on none of them are left out.

    Raises:
        UsageError: a selected component or host does not exist.
    """
    within = hosts_within(inventory, limit)
    chosen = chosen_components(catalog, selection)
    planned = []
    for component in deployment_order(catalog, catalog.names):
        hosts = members_within(inventory, component.description.runs_on, within)
        if component.name not in chosen or (limit and not hosts):
            continue
        parts = ingredients[component.name]
        change, reason = _change(parts, journal.get(component.name))
        planned.append(PlannedComponent(component.name, change, reason, hosts, parts.fingerprint))
    deploy = {item.component for item in planned if item.change is not Change.UNCHANGED}
    return _with_steps(planned, deploy, catalog, inventory)


def make_verification(
    catalog: Catalog,
    inventory: Inventory,
    journal: Mapping[str, Deployed],
    selection: Selection = Selection(),
    limit: str = "",
) -> Plan:
    """Return a plan that deploys nothing and verifies what is deployed.

    Raises:
        UsageError: a selected component or host does not exist, or nothing that was asked for is deployed.
    """
    within = hosts_within(inventory, limit)
    chosen = chosen_components(catalog, selection)
    planned = []
    for component in deployment_order(catalog, catalog.names):
        hosts = members_within(inventory, component.description.runs_on, within)
        if component.name in chosen and component.name in journal and hosts:
            planned.append(PlannedComponent(component.name, Change.UNCHANGED, "to be verified", hosts, ""))
    absent = [name for name in selection.only if name not in journal]
    if absent or not planned:
        raise UsageError(
            f"{', '.join(absent) or 'What was asked for'} is not deployed here, by this site's journal.",
            hint="See `platform-install status`; install first.",
        )
    return _with_steps(planned, set(), catalog, inventory)


def narrowed(plan: Plan, inventory: Inventory, limit: str) -> Plan:
    """Return a plan for the hosts that `--limit` means; components that run on none of them are left out.

    Raises:
        UsageError: there is no such host, or nothing is left.
    """
    if not limit:
        return plan
    within = hosts_within(inventory, limit)
    kept = {item.component: tuple(name for name in item.hosts if name in within) for item in plan.components}
    partial = {item.component for item in plan.components if len(kept[item.component]) < len(item.hosts)}
    components = tuple(replace(item, hosts=kept[item.component]) for item in plan.components if kept[item.component])
    if not components:
        raise UsageError(f"Nothing of it is on {', '.join(within)}.", hint="Name other hosts with --limit, or none.")
    steps = (replace(step, partial=step.component in partial) for step in plan.steps if kept[step.component])
    return Plan(components, tuple(steps))


def _with_steps(planned: Sequence[PlannedComponent], deploy: set[str], catalog: Catalog, inventory: Inventory) -> Plan:
    order = [catalog[item.component] for item in planned if item.hosts]
    names = {component.name for component in order}
    fingerprints = {item.component: item.fingerprint for item in planned}
    partial = {
        item.component
        for item in planned
        if len(item.hosts) < len(inventory.members(catalog[item.component].description.runs_on))
    }
    steps = steps_for(order, fingerprints, deploy & names, names)
    return Plan(tuple(planned), tuple(replace(step, partial=step.component in partial) for step in steps))


def chosen_components(catalog: Catalog, selection: Selection) -> Collection[str]:
    """Return the names of the components a command line means.

    Raises:
        UsageError: one does not exist.
    """
    require_known("component", (*selection.only, *selection.skip), catalog.names)
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
