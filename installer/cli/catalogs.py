"""Wires what is asked of a site's registry of models, on the admin host."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from installer.adapters.inventory_files.models import read_model_list
from installer.adapters.journal import SqliteJournal
from installer.cli.admin_host import ask_admin_host
from installer.cli.wiring import Site
from installer.engine.registered import carried_models, catalog_look, collection, licences, promotion
from installer.engine.releases import require_agreed
from installer.errors import PlatformError, UsageError
from installer.model.events import Warned
from installer.model.models import LIST
from installer.model.registered import CatalogLook, Collection, Promotion
from installer.workflows.collect_versions import collect

COMPONENT = "model_registry"
_SECONDS = 150


class RegistryOfModels:
    """The registry of models of one site: a `ModelCatalog`."""

    def __init__(self, site: Site) -> None:
        """Work for one site, which must be up where it is a lab.

        Raises:
            UsageError: the site has no registry of models.
        """
        if COMPONENT not in site.catalog:
            why = (site.value("platform_without") or {}).get(COMPONENT, "")
            raise UsageError(
                f"The site has no registry of models: {why}", hint="Take it out of `platform_without`, and deploy it."
            )
        self._site = site
        if site.lab_name:
            site.lab_provider.require_up(site.lab)

    def look(self, model: str = "") -> CatalogLook:
        """Return which versions there are, as `ModelCatalog` has it."""
        return catalog_look(self._ask({"does": "look", "model": model}))

    def promote(self, model: str, version: str, stage: str, reason: str, *, dry: bool) -> Promotion:
        """Have a stage point to a version, as `ModelCatalog` has it."""
        asked = {"does": "promote", "model": model, "version": version, "stage": stage, "reason": reason}
        return promotion(self._ask({**asked, "dry_run": dry}), stage)

    def collect(self, model: str, days: float, only: Sequence[str], *, dry: bool) -> Collection:
        """Delete versions, as `ModelCatalog` has it."""
        return collection(self._ask({"does": "gc", "model": model, "days": days, "only": list(only), "dry_run": dry}))

    def collect_asking(self, model: str, days: float, *, dry: bool) -> Collection:
        """Delete versions once the operator agreed."""
        return collect(self, model, days, self._confirm, dry=dry)

    def _confirm(self, question: str) -> bool:
        if self._site.options.yes:
            return True
        if not sys.stdin.isatty():
            raise UsageError("Versions would be deleted, and there is no terminal to ask at.", hint="Add --yes.")
        return typer.confirm(question, err=True)

    def _ask(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        variables = {"model_catalog_asked": {**asked, **self._carried()}}
        whom, hint = (
            "The registry of models",
            "See whether it answers: `platform-install verify --only model_registry`.",
        )
        return require_agreed(
            ask_admin_host(self._site, "model_catalog.yml", variables, _SECONDS, whom=whom, hint=hint)
        )

    def _carried(self) -> dict[str, Any]:
        """Return what the site's bundle says of models; nothing where it has no lock."""
        lock = self._site.lock_if_any
        if lock is None:
            return {}
        entries = read_model_list(self._site.own_lock_path.with_name(LIST)).entries
        return {"carried": carried_models(lock.items, entries), "known": licences(lock.items)}


def look_if_any(site: Site) -> CatalogLook | None:
    """Return which versions a site has registered; nothing where it has no registry, or that cannot be asked."""
    # Where bundles are built there is no site to ask: what was deployed from here is in the journal.
    journal = site.state_place / "journal.db"
    if COMPONENT not in site.catalog or not journal.exists() or COMPONENT not in SqliteJournal(journal).deployed():
        return None
    try:
        return RegistryOfModels(site).look()
    except PlatformError as failure:
        site.reporter.emit(Warned(f"What is registered is not told: {failure.summary}"))
        return None
