"""What follows from the catalogue, the roles and the command line is what `render` writes now."""

from __future__ import annotations

import pytest
import typer
import yaml

from installer.adapters.catalog_files import load_catalog
from installer.adapters.interface_files import load_interface
from installer.adapters.page_files import PageFiles
from installer.adapters.preflight_checks import load_checks
from installer.cli.app import app
from installer.cli.help_pages import COMMAND_LINE, command_line_page
from installer.cli.wiring import PROJECT
from installer.engine.pages import SITE, pages
from installer.engine.preflight_page import PREFLIGHT, preflight_page

RENDERED = {
    **pages(load_catalog(PROJECT / "roles"), load_interface(PROJECT)),
    PREFLIGHT: preflight_page(load_checks(PROJECT)),
    COMMAND_LINE: command_line_page(typer.main.get_command(app)),
}


@pytest.mark.parametrize("path", RENDERED)
def test_a_rendered_file_is_as_it_would_be_rendered_now(path: str) -> None:
    assert PageFiles(PROJECT).differing({path: RENDERED[path]}) == (), "run `platform-install render`"


def test_the_site_is_every_component_deployed_then_verified() -> None:
    plays = yaml.safe_load((PROJECT / SITE).read_text())

    taken = [(play["vars"]["component"], play["vars"]["platform_verb"]) for play in plays]
    for component in load_catalog(PROJECT / "roles"):
        deployed = taken.index((component.name, "deploy"))
        assert all(taken.index((need, "deploy")) < deployed for need in component.needs)
        assert deployed < taken.index((component.name, "verify"))
    assert len(taken) == len(set(taken))


def test_nothing_is_verified_in_check_mode() -> None:
    plays = yaml.safe_load((PROJECT / SITE).read_text())

    for play in plays:
        assert ("not ansible_check_mode" in play.get("when", "")) == (play["vars"]["platform_verb"] == "verify")
