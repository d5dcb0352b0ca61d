"""Making one set of what a site cannot make again, and giving it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from installer.cli.commands.common import conclude, site
from installer.cli.commands.install import answer_plan
from installer.cli.console import duration, size, table
from installer.cli.options import (
    DryRunOption,
    InventoryOption,
    OnlyOption,
    OutputOption,
    StateOption,
    VerboseOption,
    YesOption,
)
from installer.model.report import RunReport

ToOption = Annotated[
    Path | None,
    typer.Option("--to", metavar="FOLDER", help="Where the set goes, instead of the state directory."),
]
SetArgument = Annotated[
    str | None,
    typer.Argument(metavar="SET", help="The set's name or folder; the newest when not given.", show_default=False),
]


def back_up(
    context: typer.Context,
    to: ToOption = None,
    only: OnlyOption = None,
    inventory: InventoryOption = None,
    state: StateOption = None,
    dry_run: DryRunOption = None,
    output: OutputOption = None,
    verbose: VerboseOption = None,
) -> None:
    """Make one set of what the site cannot make again, encrypted, beside the site."""
    from installer.cli.backups import Backups

    here = site(
        context,
        streams=True,
        only=only,
        inventory=inventory,
        state=state,
        dry_run=dry_run,
        output=output,
        verbose=verbose,
    )
    backups = Backups(here)
    plan = backups.plan(here.options.only or ())
    if here.options.dry_run:
        answer_plan(here, plan)
        return
    report = backups.back_up(plan, to)
    conclude(here, report, _show(report), "backup", *(["--to", str(to)] if to else []))


def restore(
    context: typer.Context,
    backup: SetArgument = None,
    only: OnlyOption = None,
    inventory: InventoryOption = None,
    state: StateOption = None,
    dry_run: DryRunOption = None,
    yes: YesOption = None,
    output: OutputOption = None,
    verbose: VerboseOption = None,
) -> None:
    """Give an installed site back what a set holds; what is there now is replaced."""
    from installer.cli.backups import Backups

    here = site(
        context,
        streams=True,
        only=only,
        inventory=inventory,
        state=state,
        dry_run=dry_run,
        yes=yes,
        output=output,
        verbose=verbose,
    )
    backups = Backups(here)
    found, place = backups.find(backup)
    plan = backups.plan_restore(found, here.options.only or ())
    if here.options.dry_run:
        answer_plan(here, plan)
        return
    report = backups.restore(found, place, plan)
    conclude(here, report, _show(report), "restore", str(place))


def _show(report: RunReport) -> str:
    rows = [
        (name, "good" if result.ok else "FAILED", duration(result.seconds)) for name, result in report.steps.items()
    ]
    lines = [table(("step", "ended", "s"), rows), ""]
    lines.append(f"{'good' if report.ok else 'FAILED'} after {duration(report.seconds)}")
    facts = dict(report.facts)
    if "bytes" in facts:
        facts["size"] = size(int(facts.pop("bytes")))
    lines += [f"{name.replace('_', ' ')}: {value}" for name, value in facts.items()]
    return "\n".join(lines)
