"""What a run would do: from the journal, or offline from what is written down alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from installer.cli.commands.common import answer, selection, site
from installer.cli.commands.install import show_plan
from installer.cli.console import table
from installer.cli.options import InventoryOption, LimitOption, OnlyOption, OutputOption, SkipOption, StateOption
from installer.cli.wiring import Site
from installer.engine.plan import make_plan
from installer.model.component import Component
from installer.model.deployed import Ingredients
from installer.model.plan import Plan

OfflineOption = Annotated[
    bool, typer.Option("--offline", help="From inventory and catalogue alone: no lock, bundle or journal is read.")
]
_UNKNOWN = Ingredients(role="", variables="", artifacts="", hosts="", needs="")
_BROUGHT = ("charts", "images", "files", "packages")


def run(
    context: typer.Context,
    inventory: InventoryOption = None,
    offline: OfflineOption = False,
    only: OnlyOption = None,
    skip: SkipOption = None,
    limit: LimitOption = None,
    state: StateOption = None,
    output: OutputOption = None,
) -> None:
    """Show what a run would do to each component, and why; nothing is changed."""
    here = site(context, inventory=inventory, state=state, output=output, only=only, skip=skip, limit=limit)
    hosts = here.options.limit or ""
    if offline:
        # Nothing is known of the hosts, so every component would be installed: order and hosts are what counts.
        ingredients = dict.fromkeys(here.catalog.names, _UNKNOWN)
        outline = _outline(here, make_plan(here.catalog, here.inventory, ingredients, {}, selection(here), hosts))
        answer(here, {"components": outline}, _text(outline))
        return
    from installer.cli.runs import Runs

    plan = Runs(here, hosts).plan(selection(here))
    answer(here, plan, show_plan(plan))


def _outline(here: Site, plan: Plan) -> list[dict[str, Any]]:
    """Return each component with its hosts and what it brings, in the order of deployment."""
    kernels = here.value("platform_host_kernels") or {}
    releases = {str(release): kernels.get(release, ()) for release in here.value("platform_debian_targets")}
    found = []
    for item in plan.components:
        component = here.catalog[item.component]
        about = {"component": component.name, "layer": component.layer.value, "hosts": list(item.hosts)}
        found.append({**about, **_brought(component, releases), "needs": list(component.needs)})
    return found


def _brought(component: Component, releases: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return how many artefacts of each kind a component brings; a package for several releases counts once."""
    artifacts = component.description.artifacts
    packages = {name for release, kernels in releases.items() for name in artifacts.carried_for(release, kernels)}
    counted = (artifacts.charts, artifacts.images, artifacts.files, packages)
    return {name: len(entries) for name, entries in zip(_BROUGHT, counted, strict=True)}


def _text(outline: list[dict[str, Any]]) -> str:
    rows = [
        (
            number,
            entry["component"],
            entry["layer"],
            *(entry[name] or "-" for name in _BROUGHT),
            " ".join(entry["hosts"]) or "none: its group is empty",
        )
        for number, entry in enumerate(outline, 1)
    ]
    hosts = {host for entry in outline for host in entry["hosts"]}
    lines = [table(("", "component", "layer", *_BROUGHT, "hosts"), rows), ""]
    lines.append(f"{len(rows)} components on {len(hosts)} hosts, in this order, side by side where one needs no other.")
    return "\n".join(lines)
