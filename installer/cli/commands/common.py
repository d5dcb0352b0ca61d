"""What commands share: the site their options name, and the way they answer."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

import typer

from installer.cli.console import PROGRAM, plain
from installer.cli.options import Common, Output
from installer.cli.reporting.choice import reporter_for
from installer.cli.wiring import Site
from installer.engine.plan import Selection
from installer.model.report import RunReport
from installer.workflows.install import failure_of


def site(
    context: typer.Context,
    default_inventory: str | None = None,
    streams: bool = False,
    lenient: bool = False,
    **given: Any,
) -> Site:
    """Return the site that the options before and after the command's name describe.

    Args:
        context: the command's.
        default_inventory: the inventory of a command that needs none to be named.
        streams: the command works on hosts: with JSON, stdout carries its events too, and a terminal
            shows a live tree.
        lenient: take the inventory with its mistakes.
        given: the options after the command's name.
    """
    before = context.find_object(Common) or Common()
    options = Common.of(**given).over(before)
    if options.inventory is None and default_inventory is not None:
        options = replace(options, inventory=default_inventory)
    # Whoever presents an error asks the root what stdout carries.
    context.find_root().obj = options
    return Site(options, reporter_for(options.output is Output.JSON, bool(options.verbose), streams), lenient)


def selection(site: Site) -> Selection:
    """Return the components that `--only` and `--skip` mean."""
    return Selection(site.options.only or (), site.options.skip or ())


def answer(site: Site, value: Any, text: str, event: str = "") -> None:
    """Write a command's result to stdout.

    Args:
        site: what the command works on.
        value: the result, for programs.
        text: the result, for people.
        event: names the result among the events before it.
    """
    typer.echo(json.dumps({**({"event": event} if event else {}), **plain(value)}) if site.json else text)


def conclude(site: Site, report: RunReport, text: str, *command: str) -> None:
    """Write a run's report to stdout, and end as the run did.

    Args:
        text: the report, for people.
        command: what goes on after a failure is mended.

    Raises:
        PlatformError: a step failed.
    """
    answer(site, report, text, "report")
    if error := failure_of(report, again(site, *command)):
        raise error


def again(site: Site, *command: str) -> str:
    """Return the command line that goes on from here."""
    return shlex.join([PROGRAM, *command, *site.options.arguments()])


def of_whole_site(site: Site, *command: str) -> str:
    """Return the command line that does something else with all of the same site."""
    options = replace(site.options, bundle=None, only=None, skip=None, limit=None)
    return shlex.join([PROGRAM, *command, *options.arguments()])
