"""The main command: install, or bring a site to what its inventory says now."""

from __future__ import annotations

import typer

from installer.cli.commands.common import answer, conclude, selection, site
from installer.cli.console import duration, table
from installer.cli.wiring import Site
from installer.model.plan import Plan
from installer.model.report import RunReport

_SLOWEST = 3


def run(context: typer.Context) -> None:
    """Install what differs from the inventory, verify everything, report."""
    from installer.cli.runs import Runs

    here = site(context, streams=True)
    runs = Runs(here, here.options.limit or "")
    if here.options.dry_run:
        answer_plan(here, runs.plan(selection(here)))
        return
    report = runs.install(selection(here), "install")
    conclude(here, report, show_report(report))


def answer_plan(here: Site, plan: Plan) -> None:
    """Write what a run would do to stdout."""
    answer(here, plan, show_plan(plan), "plan")


def show_plan(plan: Plan) -> str:
    """Return a plan as a table."""
    rows = [(item.component, item.change.value, " ".join(item.hosts) or "-", item.reason) for item in plan.components]
    return table(("component", "will", "hosts", "because"), rows)


def show_report(report: RunReport) -> str:
    """Return a report as an operator reads it."""
    rows = []
    for item in report.plan.components:
        did, verify = (
            next((report.steps[name] for verb in verbs if (name := f"{item.component} {verb}") in report.steps), None)
            for verbs in (("restore", "backup", "deploy", "rotate"), ("verify",))
        )
        rows.append(
            (
                item.component,
                item.change.value,
                f"{did.seconds:.1f}" if did else "-",
                did.changed if did else 0,
                "verified" if verify and verify.ok else "NOT VERIFIED",
                f"{verify.seconds:.1f}" if verify else "-",
            )
        )
    lines = [table(("component", "did", "s", "changed", "state", "s"), rows), ""]
    if report.slowest:
        told = [f"{duration(task.seconds)} {name}: {task.task}" for name, task in report.slowest[:_SLOWEST]]
        lines.append(f"slowest: {'; '.join(told)}")
    lines.append(f"{'good' if report.ok else 'FAILED'} after {duration(report.seconds)}, {report.changed} changed")
    lines += [f"{name.replace('_', ' ')}: {value}" for name, value in report.facts.items()]
    return "\n".join([*lines, *report.next_steps])
