"""What commands share: the site their options name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import typer

from installer.cli.console import JsonReporter, PlainReporter
from installer.cli.options import Common, Output
from installer.cli.wiring import Site


def site(context: typer.Context, default_inventory: str | None = None, lenient: bool = False, **given: Any) -> Site:
    """Return the site that the options before and after the command's name describe.

    Args:
        context: the command's.
        default_inventory: the inventory of a command that needs none to be named.
        lenient: take the inventory with its mistakes.
        given: the options after the command's name.
    """
    before = context.find_object(Common) or Common()
    options = Common(**given).over(before)
    if options.inventory is None and default_inventory is not None:
        options = replace(options, inventory=default_inventory)
    reporter = JsonReporter() if options.output is Output.JSON else PlainReporter(verbose=bool(options.verbose))
    return Site(options, reporter, lenient)
