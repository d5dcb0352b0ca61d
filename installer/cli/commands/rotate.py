"""Give components new secrets; the old ones are refused afterwards."""

from __future__ import annotations

from typing import Annotated

import typer

from installer.cli.commands.common import conclude, site
from installer.cli.commands.install import answer_plan, show_report
from installer.cli.options import (
    DryRunOption,
    InventoryOption,
    OutputOption,
    StateOption,
    VerboseOption,
    YesOption,
)

WhatArgument = Annotated[
    list[str],
    typer.Argument(help="Components, or `secrets` for all that have any to rotate.", show_default=False),
]


def run(
    context: typer.Context,
    what: WhatArgument,
    inventory: InventoryOption = None,
    state: StateOption = None,
    dry_run: DryRunOption = None,
    yes: YesOption = None,
    output: OutputOption = None,
    verbose: VerboseOption = None,
) -> None:
    """Rotate secrets and keys, see that the old ones are refused, and verify what uses them."""
    from installer.cli.runs import Runs

    here = site(
        context,
        streams=True,
        inventory=inventory,
        state=state,
        dry_run=dry_run,
        yes=yes,
        output=output,
        verbose=verbose,
    )
    runs = Runs(here)
    plan = runs.plan_rotation(what)
    if here.options.dry_run:
        answer_plan(here, plan)
        return
    report = runs.rotate(plan)
    conclude(here, report, show_report(report), "rotate", *what)
