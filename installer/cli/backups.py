"""Wires backing a site up, and restoring it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from installer import __version__
from installer.adapters.backup_sets import BackupFolder, open_set
from installer.adapters.role_files import offering
from installer.cli.reports import Reports
from installer.cli.runs import Runs, at_work
from installer.cli.wiring import PROJECT, Site
from installer.engine.backups import plan_backup, plan_restore, require_own
from installer.engine.versions import version_of
from installer.errors import UsageError
from installer.model.backup import BackupSet
from installer.model.events import PhaseStarted
from installer.model.plan import Plan
from installer.model.report import RunReport
from installer.workflows.back_up import Marks, back_up, restore


class Backups:
    """The backups of one site."""

    def __init__(self, site: Site) -> None:
        """Work for one site."""
        self._site = site
        self._runs = Runs(site)

    @property
    def folder(self) -> Path:
        """Return where sets are kept when nobody says otherwise."""
        return self._site.state_place / "backups"

    def plan(self, only: Sequence[str]) -> Plan:
        """Return what backing up would do."""
        site = self._site
        offer = offering(PROJECT, "backup") & set(site.catalog.names)
        return plan_backup(site.catalog, site.inventory, self._runs.journal.deployed(), offer, only)

    def back_up(self, plan: Plan, to: Path | None) -> RunReport:
        """Make a set, of as many as the inventory keeps; elsewhere, none is ever deleted."""
        site = self._site
        with at_work(site):
            last = self._runs.journal.last_run_of("install")
            versions = {component.name: version_of(component, site.lock_if_any) for component in site.catalog}
            marks = Marks(site.key, str(last["bundle"]) if last else "", __version__, versions)
            kept = int(site.value("platform_backups_kept")) if to is None else None
            store = BackupFolder((to or self.folder).resolve())
            report = back_up(plan, marks, self._runs.crew(), store, _now, kept)
            return Reports(site).keep(report)

    def find(self, name: str | None) -> tuple[BackupSet, Path]:
        """Return a whole set and its folder: by its name, by its folder, or the newest.

        Raises:
            UsageError: there is none.
            BackupRefused: it is damaged, incomplete or another site's.
        """
        if name is None:
            newest = BackupFolder(self.folder).newest()
            if newest is None:
                raise UsageError(f"There is no backup in {self.folder}.", hint="Name the folder of a set.")
            place = newest
        else:
            own = self.folder / name
            place = own if "/" not in name and own.is_dir() else Path(name).resolve()
        self._site.reporter.emit(PhaseStarted(f"check {place.name}"))
        found = open_set(place)
        require_own(found, self._site.key)
        return found, place

    def plan_restore(self, backup: BackupSet, only: Sequence[str]) -> Plan:
        """Return what restoring would do."""
        site = self._site
        offer = offering(PROJECT, "restore") & set(site.catalog.names)
        return plan_restore(site.catalog, site.inventory, self._runs.journal.deployed(), offer, backup, only)

    def restore(self, backup: BackupSet, place: Path, plan: Plan) -> RunReport:
        """Ask, give components back what the set holds, deploy again what stands on them, verify, report."""
        site = self._site
        with at_work(site):
            report = restore(backup, place, plan, self._runs.ingredients, self._runs.crew(), _now)
            return Reports(site).keep(report)


def _now() -> datetime:
    return datetime.now(UTC)
