"""Look at all hosts without changing anything, and list everything that is in the way of an installation."""

from __future__ import annotations

from typing import Annotated

import typer

from installer.cli.commands.common import answer, selection, site
from installer.cli.console import table
from installer.cli.options import (
    BundleOption,
    InventoryOption,
    LimitOption,
    OnlyOption,
    OutputOption,
    SkipOption,
    StateOption,
    VerboseOption,
)
from installer.model.preflight import PreflightReport, Severity
from installer.workflows.preflight import failure_of

AcceptedOption = Annotated[bool, typer.Option("--accepted", help="Show what the inventory accepts, too, and why.")]


def run(
    context: typer.Context,
    inventory: InventoryOption = None,
    state: StateOption = None,
    bundle_folder: BundleOption = None,
    only: OnlyOption = None,
    skip: SkipOption = None,
    limit: LimitOption = None,
    accepted: AcceptedOption = False,
    output: OutputOption = None,
    verbose: VerboseOption = None,
) -> None:
    """Look at all hosts, change nothing, and list all that is in the way. Ends with 4 when something is."""
    from installer.cli.preflights import Preflights
    from installer.cli.runs import Runs

    here = site(
        context,
        streams=True,
        inventory=inventory,
        state=state,
        bundle=bundle_folder,
        only=only,
        skip=skip,
        limit=limit,
        output=output,
        verbose=verbose,
    )
    hosts = here.options.limit or ""
    names = [item.component for item in Runs(here, hosts).plan(selection(here)).components]
    report = Preflights(here, hosts).look(names)
    answer(here, report, show(report, accepted), "report")
    if error := failure_of(report):
        raise error


def show(report: PreflightReport, with_accepted: bool = False) -> str:
    """Return a report as an operator reads it; its failures are the error's to tell."""
    accepted = report.of(Severity.ACCEPTED)
    shown = [*report.of(Severity.WARNING), *(accepted if with_accepted else ())]
    rows = [(item.severity.value, item.host, item.check, f"{item.found} {item.reason or item.cure}") for item in shown]
    lines = [table(("", "host", "check", "what"), rows), ""] if rows else []
    state = "ready" if report.ok else "NOT READY"
    hidden = f"; {len(accepted)} accepted by the inventory, see --accepted" if accepted and not with_accepted else ""
    lines.append(f"{state} for {len(report.components)} components, looked at in {report.seconds:.1f} s{hidden}")
    return "\n".join(lines)
