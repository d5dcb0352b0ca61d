"""Files that follow from the catalogue: the site's playbook and the reference pages."""

from __future__ import annotations

from typing import Annotated

import typer

from installer.cli.commands.common import answer, site
from installer.cli.help_pages import COMMAND_LINE, command_line_page
from installer.cli.options import OutputOption
from installer.cli.wiring import rendered_files
from installer.engine.pages import pages
from installer.engine.preflight_page import PREFLIGHT, preflight_page
from installer.workflows.render import render, require_rendered

CheckOption = Annotated[bool, typer.Option("--check", help="Write nothing; say which files differ, and exit with 3.")]


def run(context: typer.Context, check: CheckOption = False, output: OutputOption = None) -> None:
    """Write the site's playbook and the reference pages anew, out of the catalogue and the roles."""
    here = site(context, output=output)
    rendered = pages(here.whole_catalog, here.interface)
    rendered[PREFLIGHT] = preflight_page(here.preflight_checks)
    rendered[COMMAND_LINE] = command_line_page(context.find_root().command)
    store = rendered_files()
    if check:
        require_rendered(rendered, store)
    written = () if check else render(rendered, store)
    text = "\n".join(f"{path} written" for path in written) or f"{len(rendered)} files are as rendered."
    answer(here, {"written": written}, text)
