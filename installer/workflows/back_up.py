"""Make one set of what a site cannot make again, and give it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from installer.engine.backups import parts_of, recovery_facts, set_id, to_forget
from installer.model.backup import BackupSet
from installer.model.deployed import Ingredients
from installer.model.events import Notice
from installer.model.plan import Plan
from installer.model.report import RunReport
from installer.ports import BackupStore, Clock
from installer.workflows.install import Crew, carry_out


@dataclass(frozen=True)
class Marks:
    """What a set says of where it comes from.

    Attributes:
        site: whose it is.
        bundle: the bundle the site was installed from last.
        tool: the version of the command.
        versions: of components.
    """

    site: str
    bundle: str
    tool: str
    versions: Mapping[str, str]


def back_up(plan: Plan, marks: Marks, crew: Crew, store: BackupStore, clock: Clock, kept: int | None) -> RunReport:
    """Run a plan's steps, and complete the set when all ended well.

    Args:
        clock: tells the moment, in UTC.
        kept: how many sets stay; all when None.

    Raises:
        BackupRefused: what arrived is not what was counted on the hosts.
    """
    began = clock()
    name = set_id(began)
    place = store.begin(name)
    # Nobody is asked: nothing that is in use is changed.
    unasked = replace(crew, confirm=lambda _: True, variables={**crew.variables, **_variables(name, place)})
    report = carry_out(marks.site, marks.bundle, "backup", plan, {}, unasked)
    if not report.ok:
        return report
    parts = parts_of(report.steps, marks.versions)
    made = BackupSet(name, marks.site, began, clock(), parts, marks.bundle, marks.tool)
    store.finish(made)
    for old in to_forget(store.sets(), kept) if kept is not None else ():
        crew.reporter.emit(Notice(f"The set {old.id} is deleted: {kept} are kept."))
        store.delete(old)
    told = {"set": str(place), "bytes": str(made.size), "rpo_seconds": f"{made.recovery_point_seconds:.0f}"}
    return replace(report, facts=told)


def restore(
    backup: BackupSet, place: Path, plan: Plan, ingredients: Mapping[str, Ingredients], crew: Crew, clock: Clock
) -> RunReport:
    """Run the steps that give a site back what a set holds."""
    began = clock()
    given = replace(crew, variables={**crew.variables, **_variables(backup.id, place)})
    report = carry_out(backup.site, "", "restore", plan, ingredients, given)
    rebuilt = crew.journal.rebuilt_since(backup.ended)
    return replace(report, facts=recovery_facts(backup, began, clock(), rebuilt))


def _variables(name: str, place: Path) -> dict[str, str]:
    return {"platform_backup_id": name, "platform_backup_set": str(place)}
