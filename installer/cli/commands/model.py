"""Models of a site: how they are, and their releases."""

from __future__ import annotations

import typer

from installer.cli.commands import releases

app = typer.Typer(help=__doc__, no_args_is_help=True)
releases.add_to(app)
