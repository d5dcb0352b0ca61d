"""What taking components away means, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from installer.engine.graph import dependents, deployment_order, removal_steps
from installer.errors import UsageError
from installer.model.catalog import Catalog
from installer.model.deployed import Deployed
from installer.model.inventory import Inventory
from installer.model.plan import Change, Plan, PlannedComponent


def plan_removal(
    catalog: Catalog, inventory: Inventory, journal: Mapping[str, Deployed], names: Collection[str]
) -> Plan:
    """Return the plan that removes components, each before what it needs.

    Raises:
        UsageError: one does not exist, or another that is deployed needs it and would stay.
    """
    unknown = sorted(set(names) - set(catalog.names))
    if unknown:
        raise UsageError(
            f"There is no component {', '.join(unknown)}.", hint=f"Those there are: {', '.join(sorted(catalog.names))}."
        )
    staying = {
        other: name for name in names for other in dependents(catalog, name) if other in journal and other not in names
    }
    if staying:
        together = " ".join(sorted({*names, *staying}))
        raise UsageError(
            f"{', '.join(sorted(staying))} would be left without "
            f"what {'it needs' if len(staying) == 1 else 'they need'}: {', '.join(sorted(set(staying.values())))}.",
            hint=f"Remove them together: `platform-install remove {together}`.",
        )
    return _removal(catalog, inventory, journal, names)


def plan_reset(catalog: Catalog, inventory: Inventory, journal: Mapping[str, Deployed]) -> Plan:
    """Return the plan that removes everything, whether or not the journal knows of it."""
    return _removal(catalog, inventory, journal, catalog.names)


def question_of_data(catalog: Catalog, plan: Plan) -> str:
    """Return what is asked before a plan's components lose their data; empty where none keeps any."""
    kept = [
        f"  {item.component}: {stores}"
        for item in plan.components
        if (stores := catalog[item.component].description.stores)
    ]
    return "\n".join(("This is deleted too, and nobody can bring it back:", *kept, "Delete it?")) if kept else ""


def _removal(catalog: Catalog, inventory: Inventory, journal: Mapping[str, Deployed], names: Collection[str]) -> Plan:
    order = [component for component in deployment_order(catalog, catalog.names) if component.name in names]
    present = [component for component in order if inventory.members(component.description.runs_on)]
    planned = tuple(
        PlannedComponent(
            component.name,
            Change.REMOVE,
            "deployed" if component.name in journal else "not in the journal; what is left of it goes",
            inventory.members(component.description.runs_on),
            "",
        )
        for component in reversed(present)
    )
    return Plan(planned, removal_steps(present, {component.name for component in present}))
