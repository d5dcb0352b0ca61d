"""The main command: install, or bring a site to what its inventory says now."""

from __future__ import annotations

import json

import typer

from installer.cli.commands.common import site
from installer.cli.console import plain, table
from installer.engine.plan import Selection
from installer.model.plan import Plan
from installer.model.report import RunReport
from installer.workflows.install import failure_of


def run(context: typer.Context, selection: Selection, limit: str, dry_run: bool) -> None:
    """Install what differs from the inventory, verify everything, report."""
    from installer.cli.runs import Runs

    here = site(context)
    runs = Runs(here, limit)
    if dry_run:
        plan = runs.plan(selection)
        typer.echo(json.dumps(plain(plan)) if here.json else show_plan(plan))
        return
    report = runs.install(selection, "install")
    typer.echo(json.dumps(plain(report)) if here.json else show_report(report))
    if error := failure_of(report, f"platform-install --inventory {here.options.inventory}"):
        raise error


def show_plan(plan: Plan) -> str:
    """Return a plan as a table."""
    rows = [(item.component, item.change.value, " ".join(item.hosts) or "-", item.reason) for item in plan.components]
    return table(("component", "will", "hosts", "because"), rows)


def show_report(report: RunReport) -> str:
    """Return a report as an operator reads it."""
    rows = []
    for item in report.plan.components:
        deploy, verify = (report.steps.get(f"{item.component} {verb}") for verb in ("deploy", "verify"))
        rows.append(
            (
                item.component,
                item.change.value,
                f"{deploy.seconds:.1f}" if deploy else "-",
                deploy.changed if deploy else 0,
                "verified" if verify and verify.ok else "NOT VERIFIED",
                f"{verify.seconds:.1f}" if verify else "-",
            )
        )
    lines = [table(("component", "did", "s", "changed", "state", "s"), rows), ""]
    lines.append(f"{'good' if report.ok else 'FAILED'} after {report.seconds:.1f} s, {report.changed} changed")
    lines += [f"{name.replace('_', ' ')}: {value}" for name, value in report.facts.items()]
    return "\n".join(lines)
