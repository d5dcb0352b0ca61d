"""Taking away: some components, or everything."""

from __future__ import annotations

from typing import Annotated

import typer

from installer.cli.commands.common import conclude, site
from installer.cli.commands.install import answer_plan
from installer.cli.console import duration, table
from installer.cli.options import (
    DryRunOption,
    InventoryOption,
    LimitOption,
    OutputOption,
    StateOption,
    VerboseOption,
    YesOption,
)
from installer.model.report import RunReport

ComponentsArgument = Annotated[list[str], typer.Argument(help="Components to take away.", show_default=False)]
DataOption = Annotated[bool, typer.Option("--data", "--purge", help="Delete what they stored, too; asked by itself.")]


def remove(
    context: typer.Context,
    components: ComponentsArgument,
    data: DataOption = False,
    inventory: InventoryOption = None,
    state: StateOption = None,
    limit: LimitOption = None,
    dry_run: DryRunOption = None,
    yes: YesOption = None,
    output: OutputOption = None,
    verbose: VerboseOption = None,
) -> None:
    """Take components away from the hosts; what they stored stays, unless --data."""
    from installer.cli.runs import Runs

    here = site(
        context,
        streams=True,
        inventory=inventory,
        state=state,
        limit=limit,
        dry_run=dry_run,
        yes=yes,
        output=output,
        verbose=verbose,
    )
    runs = Runs(here, here.options.limit or "")
    plan = runs.plan_removal(components)
    if here.options.dry_run:
        answer_plan(here, plan)
        return
    report = runs.remove(plan, "remove", data=data, whole_site=False)
    conclude(here, report, _show(report), "remove", *components)


def reset(
    context: typer.Context,
    inventory: InventoryOption = None,
    state: StateOption = None,
    dry_run: DryRunOption = None,
    yes: YesOption = None,
    output: OutputOption = None,
    verbose: VerboseOption = None,
) -> None:
    """Take everything away, with all data: the hosts are left as bare as they were."""
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
    plan = runs.plan_reset()
    if here.options.dry_run:
        answer_plan(here, plan)
        return
    report = runs.remove(plan, "reset", data=True, whole_site=True)
    conclude(here, report, _show(report), "reset")


def _show(report: RunReport) -> str:
    rows = [
        (name.rpartition(" ")[0], f"{result.changed} changed" if result.ok else "FAILED", duration(result.seconds))
        for name, result in report.steps.items()
    ]
    end = f"{'good' if report.ok else 'FAILED'} after {duration(report.seconds)}, {report.changed} changed"
    return f"{table(('component', 'removed', 's'), rows)}\n\n{end}"
