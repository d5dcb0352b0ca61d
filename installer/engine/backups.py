"""What backing up and restoring mean, in which order, and what a set must be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from installer.engine.graph import dependents, deployment_order
from installer.engine.selection import require_offered
from installer.errors import BackupRefused, UsageError
from installer.model.backup import BackupFile, BackupSet, ComponentBackup
from installer.model.catalog import Catalog
from installer.model.component import Component
from installer.model.deployed import Deployed
from installer.model.inventory import Inventory
from installer.model.plan import Change, Plan, PlannedComponent, Step, StepResult

# What a component reports of its files, by `platform.base.backup_taken`.
REPORTED = "backup"
_ID = "%Y%m%dT%H%M%SZ"


def set_id(began: datetime) -> str:
    """Return the name of the set that is begun at a moment, in UTC."""
    return began.strftime(_ID)


def is_set_id(name: str) -> bool:
    """Return whether a folder is named as sets are."""
    try:
        datetime.strptime(name, _ID)
    except ValueError:
        return False
    return True


def plan_backup(
    catalog: Catalog,
    inventory: Inventory,
    journal: Mapping[str, Deployed],
    offering: Collection[str],
    only: Collection[str],
) -> Plan:
    """Return the plan that backs components up, each before what it needs.

    What refers to something is copied before what it refers to, so that no reference is without its target.

    Args:
        offering: the components that can be backed up.
        only: those wanted; all that are deployed when empty.

    Raises:
        UsageError: one cannot be backed up, or none is deployed.
    """
    require_offered("backed up", only, offering, journal)
    chosen = set(only) or set(offering) & set(journal)
    if not chosen:
        raise UsageError("Nothing is deployed that could be backed up.", hint="`platform-install status` says what is.")
    planned, steps = [], []
    previous: tuple[str, ...] = ()
    for component in reversed(_in_order(catalog, chosen)):
        planned.append(_planned(component, Change.BACK_UP, "as asked", inventory))
        steps.append(Step(component.name, "backup", component.description.runs_on, "", previous))
        previous = (steps[-1].name,)
    return Plan(tuple(planned), tuple(steps))


def plan_restore(
    catalog: Catalog,
    inventory: Inventory,
    journal: Mapping[str, Deployed],
    offering: Collection[str],
    backup: BackupSet,
    only: Collection[str],
) -> Plan:
    """Return the plan that gives components back what a set holds, and deploys again what stands on them.

    Args:
        offering: the components that can be given back what was theirs.
        backup: the set.
        only: those wanted; all that the set has when empty.

    Raises:
        UsageError: one cannot be restored, is not in the set, or is not deployed.
    """
    if lacking := sorted(set(only) - set(backup.components)):
        raise UsageError(
            f"The set {backup.id} has nothing of {', '.join(lacking)}.",
            hint=f"What it has: {', '.join(sorted(backup.components))}.",
        )
    named = {component.name for component in catalog if component.description.restored_when_named}
    restored = set(only) or (set(offering) & set(backup.components)) - named
    if not restored:
        raise UsageError(f"The set {backup.id} has nothing that could be given back.", hint="Name another set.")
    require_offered("restored", restored, offering, journal)
    standing = {other for name in restored for other in dependents(catalog, name) if other in journal} - restored
    planned, steps = [], []
    last: dict[str, str] = {}
    for component in _in_order(catalog, restored | standing):
        below = [need for need in last if component.name in dependents(catalog, need)]
        verbs = [*(["deploy"] if below else []), *(["restore"] if component.name in restored else [])]
        change = Change.RESTORE if component.name in restored else Change.DEPLOY_AGAIN
        reason = f"of the set {backup.id}" if component.name in restored else f"needs {', '.join(sorted(below))}"
        planned.append(_planned(component, change, reason, inventory))
        after = tuple(last[need] for need in below)
        for verb in (*verbs, "verify"):
            steps.append(Step(component.name, verb, component.description.runs_on, "", after))
            after = (steps[-1].name,)
            if verb != "verify":
                last[component.name] = steps[-1].name
    return Plan(tuple(planned), tuple(steps))


def _in_order(catalog: Catalog, names: Collection[str]) -> tuple[Component, ...]:
    return tuple(entry for entry in deployment_order(catalog, catalog.names) if entry.name in names)


def _planned(component: Component, change: Change, reason: str, inventory: Inventory) -> PlannedComponent:
    return PlannedComponent(component.name, change, reason, inventory.members(component.description.runs_on), "")


def parts_of(steps: Mapping[str, StepResult], versions: Mapping[str, str]) -> dict[str, ComponentBackup]:
    """Return what components reported of their files.

    Args:
        steps: results by `component verb`.
        versions: of components.

    Raises:
        BackupRefused: one was backed up and reported no file.
    """
    found: dict[str, ComponentBackup] = {}
    for name, result in steps.items():
        component, _, verb = name.rpartition(" ")
        if verb != "backup":
            continue
        told = [host[REPORTED] for host in result.results.values() if REPORTED in host]
        if not told or not told[0]["files"]:
            raise BackupRefused(f"{component} said that it was backed up, and brought no file.")
        found[component] = part_of({**told[0], "version": versions.get(component, "")})
    return found


def part_of(told: Mapping[str, Any]) -> ComponentBackup:
    """Return what plain data says of a component's part."""
    files = tuple(BackupFile(str(file["path"]), int(file["size"]), str(file["sha256"])) for file in told["files"])
    holds = dict(told.get("holds") or {})
    return ComponentBackup(datetime.fromisoformat(told["as_of"]), files, str(told.get("version", "")), holds)


def require_own(backup: BackupSet, site: str) -> None:
    """See that a set is of this site.

    Raises:
        BackupRefused: it is another's.
    """
    if backup.site != site:
        raise BackupRefused(
            f"The set {backup.id} is of the site {backup.site}, and this is {site}; nothing was touched.",
            hint="Name a set of this site, or the inventory that the set is of.",
        )


def to_forget(sets: Iterable[BackupSet], kept: int) -> Sequence[BackupSet]:
    """Return the sets that are too many, the oldest first."""
    return sorted(sets, key=lambda entry: entry.id)[: -max(1, kept)]


def recovery_facts(backup: BackupSet, began: datetime, ended: datetime, rebuilt: datetime | None) -> dict[str, str]:
    """Return what a restoration cost, for its report.

    Args:
        backup: the set.
        began: when the restoration began.
        ended: when it ended.
        rebuilt: when the installation of the site began that it was restored into; None when it stood before.
    """
    lost = (rebuilt or began) - backup.as_of
    return {
        "set": backup.id,
        "restored_as_of": backup.as_of.isoformat(timespec="seconds"),
        "rpo_seconds": f"{max(0.0, lost.total_seconds()):.0f}",
        "rto_seconds": f"{(ended - (rebuilt or began)).total_seconds():.0f}",
    }
