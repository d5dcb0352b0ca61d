"""Taking away: some components, or everything."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from installer.cli.commands.common import site
from installer.cli.commands.install import show_plan
from installer.cli.console import plain, table
from installer.cli.options import (
    DryRunOption,
    InventoryOption,
    LimitOption,
    OutputOption,
    StateOption,
    VerboseOption,
    YesOption,
)
from installer.cli.wiring import Site
from installer.model.plan import Plan
from installer.model.report import RunReport
from installer.workflows.install import failure_of

ComponentsArgument = Annotated[list[str], typer.Argument(help="Components to take away.", show_default=False)]
DataOption = Annotated[bool, typer.Option("--data", help="Delete what they stored, too.")]


def remove(
    context: typer.Context,
    components: ComponentsArgument,
    data: DataOption = False,
    inventory: InventoryOption = None,
    state: StateOption = None,
    limit: LimitOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = None,
    output: OutputOption = None,
    verbose: VerboseOption = None,
) -> None:
    """Take components away from the hosts; what they stored stays, unless --data."""
    from installer.cli.runs import Runs

    here = site(context, inventory=inventory, state=state, yes=yes, output=output, verbose=verbose)
    runs = Runs(here, limit or "")
    plan = runs.plan_removal(components)
    if dry_run:
        _show_plan(here, plan)
        return
    _show(here, runs.remove(plan, "remove", data=data, whole_site=False), f"remove {' '.join(components)}")


def reset(
    context: typer.Context,
    inventory: InventoryOption = None,
    state: StateOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = None,
    output: OutputOption = None,
    verbose: VerboseOption = None,
) -> None:
    """Take everything away, with all data: the hosts are left as bare as they were."""
    from installer.cli.runs import Runs

    here = site(context, inventory=inventory, state=state, yes=yes, output=output, verbose=verbose)
    runs = Runs(here)
    plan = runs.plan_reset()
    if dry_run:
        _show_plan(here, plan)
        return
    _show(here, runs.remove(plan, "reset", data=True, whole_site=True), "reset")


def _show_plan(here: Site, plan: Plan) -> None:
    typer.echo(json.dumps(plain(plan)) if here.json else show_plan(plan))


def _show(here: Site, report: RunReport, command: str) -> None:
    if here.json:
        typer.echo(json.dumps(plain(report)))
    else:
        rows = [
            (name.rpartition(" ")[0], f"{result.changed} changed" if result.ok else "FAILED", f"{result.seconds:.1f}")
            for name, result in report.steps.items()
        ]
        typer.echo(table(("component", "removed", "s"), rows))
        typer.echo(f"\n{'good' if report.ok else 'FAILED'} after {report.seconds:.1f} s, {report.changed} changed")
    if error := failure_of(report, f"platform-install {command} --inventory {here.options.inventory}"):
        raise error
