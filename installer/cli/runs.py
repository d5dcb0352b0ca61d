"""Wires the runs of a site: what is planned, who does it, where it is written down."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import typer

from installer.adapters.ansible_reads import AnsibleReader
from installer.adapters.ansible_runs import AnsibleRunner
from installer.adapters.journal import SqliteJournal, only_one
from installer.adapters.role_files import offering, role_digests
from installer.cli.bundles import Bundles
from installer.cli.passphrases import passphrase_files
from installer.cli.preflights import Preflights
from installer.cli.reports import Reports
from installer.cli.wiring import PROJECT, Site
from installer.engine.fingerprint import (
    exemptions_in,
    images_in,
    ingredients_of,
    metrics_in,
    models_named,
    on_some_hosts,
)
from installer.engine.graph import deployment_order
from installer.engine.plan import Selection, make_plan, make_verification, narrowed
from installer.engine.preflight import worth_a_look
from installer.engine.redaction import redaction
from installer.engine.removal import plan_removal, plan_reset, question_of_data
from installer.engine.rotation import plan_rotation
from installer.engine.versions import version_of
from installer.errors import UsageError
from installer.model.component import Component
from installer.model.deployed import Ingredients
from installer.model.events import Notice, PhaseStarted
from installer.model.plan import Plan
from installer.model.report import RunReport
from installer.workflows.install import Crew, carry_out, note_unchanged

_STEPS_AT_ONCE = 8


@contextmanager
def at_work(site: Site) -> Iterator[None]:
    """Have a site that stands to oneself; the hosts of a lab must be up.

    Raises:
        LabUnavailable: they are not.
        StateLocked: somebody else is at work.
    """
    with only_one(site.state):
        if site.lab_name:
            site.lab_provider.require_up(site.lab)
        yield


class Runs:
    """The runs of one site."""

    def __init__(self, site: Site, limit: str = "") -> None:
        """Work for one site, on all its hosts or on some."""
        self._site = site
        self._limit = limit

    @cached_property
    def journal(self) -> SqliteJournal:
        """Return the site's journal."""
        return SqliteJournal(self._site.state / "journal.db")

    @cached_property
    def ingredients(self) -> Mapping[str, Ingredients]:
        """Return what every component is made of."""
        site = self._site
        digests = role_digests(PROJECT)
        artifacts: dict[str, list[str]] = {}
        for item in site.lock.items:
            for name in item.needed_by:
                artifacts.setdefault(name, []).append(item.digest)
        found: dict[str, Ingredients] = {}
        # What others stand on. That it is given to others once more, as images are, changes nothing for them.
        stands: dict[str, str] = {}
        for component in deployment_order(site.catalog, site.catalog.names):
            name = component.name
            needs = {need: stands[need] for need in component.needs if need in stands}
            mine = [*artifacts.get(name, []), *models_named(component, site.inventory, site.lock)]
            parts = ingredients_of(component, digests[name], mine, site.inventory, needs)
            stands[name] = parts.fingerprint
            if gathered := self._gathered(component):
                parts = ingredients_of(component, digests[name], mine, site.inventory, {**needs, **gathered})
            found[name] = replace(parts, version=version_of(component, site.lock))
        return found

    def _gathered(self, component: Component) -> dict[str, str]:
        """Return the digests of what a component takes of all others, by kind."""
        site, description = self._site, component.description
        gathered = {}
        if description.carries_images:
            gathered["images"] = images_in(site.lock)
        if description.applies_exemptions:
            gathered["exemptions"] = exemptions_in(site.catalog)
        if description.reads_metrics:
            gathered["metrics"] = metrics_in(site.catalog)
        return gathered

    def plan(self, selection: Selection) -> Plan:
        """Return what a run would do, and why."""
        # First, since it reads the lock: its mistakes are told together with the inventory's.
        ingredients = self.ingredients
        return make_plan(
            self._site.catalog, self._site.inventory, ingredients, self.journal.deployed(), selection, self._limit
        )

    def plan_verification(self, selection: Selection) -> Plan:
        """Return the steps that verify what is deployed."""
        return make_verification(
            self._site.catalog, self._site.inventory, self.journal.deployed(), selection, self._limit
        )

    def prepare_lab(self) -> None:
        """Bring the lab up and build its bundle, when the inventory is a lab and they are missing."""
        site = self._site
        if not site.lab_name:
            return
        site.lab_provider.up(site.lab, ask_all=False)
        bundles = Bundles(site)
        if bundles.is_missing():
            site.reporter.emit(Notice(f"The lab has no bundle of its lock yet: it is built in {site.bundle}."))
            bundles.build(None)

    def install(self, selection: Selection, command: str) -> RunReport:
        """Verify the bundle, plan, ask, run, report."""
        site = self._site
        # Every mistake is told at once, before a lab is made.
        _ = site.lock
        with only_one(site.state):
            self.prepare_lab()
            bundles = Bundles(site)
            bundle = bundles.verify()
            report = self._installed(selection, bundle.release.id, command)
            if report.bare_hosts:
                names = ", ".join(report.bare_hosts)
                site.reporter.emit(Notice(f"Set up anew since they were deployed: {names}. They are deployed again."))
                self.journal.doubt(report.plan.on(report.bare_hosts))
                report = self._installed(selection, bundle.release.id, command)
            if report.ok:
                bundles.accept(bundle)
            return Reports(site).keep(report, bundle)

    def _installed(self, selection: Selection, release: str, command: str) -> RunReport:
        """Plan, look at the hosts, ask, and bring the site to what its inventory says."""
        site = self._site
        site.reporter.emit(PhaseStarted("plan"))
        plan = self.plan(selection)
        note_unchanged(plan, site.reporter)
        Preflights(site, self._limit).require_ready(worth_a_look(plan))
        return carry_out(site.key, release, command, plan, self._begun_with(plan), self.crew())

    def verify(self, selection: Selection) -> RunReport:
        """Verify what is deployed, as users would use it; nothing is changed."""
        site = self._site
        with at_work(site):
            plan = self.plan_verification(selection)
            crew = self.crew({"platform_thorough": True})
            report = carry_out(site.key, "", "verify", plan, self.ingredients, crew)
            return Reports(site).keep(report)

    def _begun_with(self, plan: Plan) -> Mapping[str, Ingredients]:
        """Return what components are deployed with; with `--limit`, only on some of their hosts."""
        partial = {step.component for step in plan.steps if step.partial}
        hosts = {item.component: item.hosts for item in plan.components}
        return {
            name: on_some_hosts(parts, hosts[name]) if name in partial else parts
            for name, parts in self.ingredients.items()
        }

    def plan_removal(self, names: Sequence[str]) -> Plan:
        """Return what removing components would do."""
        site = self._site
        plan = plan_removal(site.whole_catalog, site.inventory, self.journal.deployed(), names)
        return narrowed(plan, site.inventory, self._limit)

    def plan_reset(self) -> Plan:
        """Return what removing everything would do."""
        return plan_reset(self._site.whole_catalog, self._site.inventory, self.journal.deployed())

    def remove(self, plan: Plan, command: str, *, data: bool, whole_site: bool) -> RunReport:
        """Ask, take a plan's components away, report.

        Args:
            data: delete what they stored.
            whole_site: nothing stays, so nobody needs to be told that something goes.
        """
        site = self._site
        with only_one(site.state):
            variables = {"platform_remove_data": data, "platform_whole_site": whole_site}
            crew = self.crew(variables)
            if data:
                crew = replace(crew, further_question=question_of_data(site.whole_catalog, plan))
            report = carry_out(site.key, "", command, plan, {}, crew)
            if whole_site and report.ok:
                (site.state / "kubeconfig").unlink(missing_ok=True)
            return Reports(site).keep(report)

    def plan_rotation(self, names: Sequence[str]) -> Plan:
        """Return what rotating secrets would do."""
        site = self._site
        offer = offering(PROJECT, "rotate")
        return plan_rotation(site.catalog, site.inventory, self.journal.deployed(), offer, names)

    def rotate(self, plan: Plan) -> RunReport:
        """Ask, give a plan's components new secrets, verify each, report."""
        site = self._site
        with at_work(site):
            report = carry_out(site.key, "", "rotate", plan, {}, self.crew())
            return Reports(site).keep(report)

    def crew(self, variables: Mapping[str, object] | None = None) -> Crew:
        """Return who does the work of a run, with what every play is given."""
        site = self._site
        files = passphrase_files(site)
        redact = redaction([Path(name).read_text() for name in files.values()])
        environment = {**site.ansible_environment, **files}
        folder = site.state / "runs"
        return Crew(
            AnsibleRunner(PROJECT, site.inventory_path, folder, environment, self._limit, redact),
            self.journal,
            site.reporter,
            self._confirm,
            {**site.carried, **(variables or {})},
            _STEPS_AT_ONCE,
            AnsibleReader(PROJECT, site.inventory_path, environment, redact),
            site.whole_catalog,
        )

    def _confirm(self, question: str) -> bool:
        if self._site.options.yes or self._site.lab_name:
            return True
        if not sys.stdin.isatty():
            raise UsageError("Hosts would be changed, and there is no terminal to ask at.", hint="Add --yes.")
        return typer.confirm(question, err=True)
