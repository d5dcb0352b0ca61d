"""What rotating secrets means, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from installer.engine.graph import deployment_order
from installer.engine.selection import require_offered
from installer.model.catalog import Catalog
from installer.model.deployed import Deployed
from installer.model.inventory import Inventory
from installer.model.plan import Change, Plan, PlannedComponent, Step

# Stands for every component that has something to rotate.
SECRETS = "secrets"


def plan_rotation(
    catalog: Catalog,
    inventory: Inventory,
    journal: Mapping[str, Deployed],
    offering: Collection[str],
    names: Collection[str],
) -> Plan:
    """Return the plan that gives components new secrets, one after another, and verifies each.

    Args:
        offering: the components that have secrets to rotate.
        names: those wanted; `secrets` stands for all that are deployed.

    Raises:
        UsageError: one has nothing to rotate, or is not deployed.
    """
    wanted = set(names) - {SECRETS}
    require_offered("rotated", wanted, offering, journal, [SECRETS])
    chosen = (set(offering) & set(journal)) if SECRETS in names else wanted
    planned, steps = [], []
    previous: tuple[str, ...] = ()
    for component in deployment_order(catalog, catalog.names):
        if component.name not in chosen:
            continue
        pattern = component.description.runs_on
        planned.append(PlannedComponent(component.name, Change.ROTATE, "as asked", inventory.members(pattern), ""))
        # A component rotates what those it needs gave it, so it waits for them.
        rotate = Step(component.name, "rotate", pattern, "", previous)
        steps += [rotate, Step(component.name, "verify", pattern, "", (rotate.name,))]
        previous = (f"{component.name} verify",)
    return Plan(tuple(planned), tuple(steps))
