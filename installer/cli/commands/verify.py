"""Use every deployed component as its users would, and say what does not work."""

from __future__ import annotations

import typer

from installer.cli.commands.common import conclude, selection, site
from installer.cli.commands.install import answer_plan, show_report
from installer.cli.options import (
    DryRunOption,
    InventoryOption,
    LimitOption,
    OnlyOption,
    OutputOption,
    SkipOption,
    StateOption,
    VerboseOption,
)


def run(
    context: typer.Context,
    inventory: InventoryOption = None,
    state: StateOption = None,
    only: OnlyOption = None,
    skip: SkipOption = None,
    limit: LimitOption = None,
    dry_run: DryRunOption = None,
    output: OutputOption = None,
    verbose: VerboseOption = None,
) -> None:
    """Verify what is deployed, by use; nothing is changed. Ends with 6 when something does not work."""
    from installer.cli.runs import Runs

    here = site(
        context,
        streams=True,
        inventory=inventory,
        state=state,
        only=only,
        skip=skip,
        limit=limit,
        dry_run=dry_run,
        output=output,
        verbose=verbose,
    )
    runs = Runs(here, here.options.limit or "")
    if here.options.dry_run:
        answer_plan(here, runs.plan_verification(selection(here)))
        return
    report = runs.verify(selection(here))
    conclude(here, report, show_report(report), "verify")
