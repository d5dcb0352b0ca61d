"""Wires what tells how a site fares: the journal, the state folder, the hosts."""

from __future__ import annotations

import json
from collections.abc import Mapping

from installer.adapters.ansible_reads import AnsibleReader
from installer.adapters.bundle_directory import BundleDirectory
from installer.adapters.journal import SqliteJournal, holder
from installer.cli.reports import Reports
from installer.cli.wiring import PROJECT, Site
from installer.engine.plan import Selection, chosen_components
from installer.engine.redaction import redaction
from installer.engine.release import parse_release
from installer.engine.selection import hosts_within
from installer.engine.site_status import Record, cluster_answers, component_statuses, expiries_of, host_statuses
from installer.engine.versions import version_of
from installer.errors import BundleRefused, LabUnavailable
from installer.model.status import HostAnswer, SiteStatus


class Statuses:
    """How one site fares."""

    def __init__(self, site: Site) -> None:
        """Work for one site."""
        self._site = site

    def look(self, selection: Selection, limit: str, offline: bool) -> SiteStatus:
        """Return how the site fares.

        Args:
            limit: the hosts to ask.
            offline: ask none; say what is written down.
        """
        site = self._site
        hosts = hosts_within(site.inventory, limit)
        chosen = chosen_components(site.catalog, selection)
        record = self._record()
        versions = {component.name: version_of(component, site.lock_if_any) for component in site.catalog}
        answers = None if offline else self._ask(limit, hosts)
        known = {**Reports(site).known_ends(), **self._bundle_end()}
        return SiteStatus(
            site=site.key,
            installed=bool(record.components),
            busy=holder(site.state_place),
            last_run=record.last_run,
            cluster=cluster_answers(answers or {}),
            asked=answers is not None,
            hosts=host_statuses(site.inventory, hosts, answers),
            components=component_statuses(site.catalog, site.inventory, record, versions, chosen),
            expiries=expiries_of(record, answers or {}, known),
        )

    def _record(self) -> Record:
        """Return what the journal knows; nothing, and no journal is made, where there is none."""
        path = self._site.state_place / "journal.db"
        if not path.exists():
            return Record()
        journal = SqliteJournal(path)
        steps = [{**step, "results": json.loads(step["results"] or "{}")} for step in journal.last_steps()]
        return Record(journal.components(), steps, journal.last_run())

    def _ask(self, limit: str, hosts: tuple[str, ...]) -> Mapping[str, HostAnswer]:
        site = self._site
        if site.lab_name:
            try:
                site.lab_provider.require_up(site.lab)
            except LabUnavailable as error:
                return dict.fromkeys(hosts, HostAnswer(problem=f"{error.summary} {error.hint}"))
        reader = AnsibleReader(PROJECT, site.inventory_path, site.ansible_environment, redaction())
        return reader.status(limit)

    def _bundle_end(self) -> dict[str, str]:
        """Return the day from which the bundle is refused; its signature is not checked just to say so."""
        try:
            release = parse_release(BundleDirectory(self._site.bundle).release_text())
        except (BundleRefused, OSError):
            return {}
        return {f"the bundle {release.id}": f"{release.expires:%Y-%m-%d}"}
