"""Models of a site: what it has of them, and how their releases fare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from installer.cli.commands import registered, releases
from installer.cli.commands.common import answer, site
from installer.cli.completion import licences, models
from installer.cli.console import size, table
from installer.cli.options import BundleOption, InventoryOption, OfflineOption, OutputOption, StateOption
from installer.model.models import ModelDescription, ModelState

app = typer.Typer(help=__doc__, no_args_is_help=True)
releases.add_to(app)
registered.add_to(app)

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="The model's files, its licence among them.")]
NameOption = Annotated[
    str, typer.Option("--name", help="What the image is called: letters, llama-3.1-8b.", autocompletion=models)
]
VersionOption = Annotated[str, typer.Option("--version", help="Three numbers: 1.0.0. Other files, another version.")]
LicenceOption = Annotated[
    str,
    typer.Option("--licence", help="SPDX identifier, or LicenseRef-NAME for a maker's own.", autocompletion=licences),
]
BaseOption = Annotated[str, typer.Option("--base-model", help="What it was made from.", show_default=False)]
QuantisationOption = Annotated[
    str, typer.Option("--quantisation", help="How its weights were made smaller: Q4_K_M, AWQ.", show_default=False)
]
# What stands behind a backspace is shown as it is written.
_CHECK = "\b\nExample:\n  platform-install model check /srv/models/letters"
_ADD = """\b
Example:
  platform-install model add /srv/models/letters --inventory onprem \\
    --name letters --version 1.0.0 --licence Apache-2.0 --quantisation Q4_K_M"""
_LIST = "\b\nExample:\n  platform-install model list --inventory onprem"
_UNITS = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"))


@app.command(epilog=_CHECK)
def check(context: typer.Context, folder: FolderArgument, output: OutputOption = None) -> None:
    """Say what a model is, and whether it can be carried.

    No file is trusted by its name, and everything that is wrong is told at once. Ends with 3 when something is.
    """
    from installer.cli.models import Models

    here = site(context, output=output)
    found = Models(here).check(folder)
    answer(here, found, _described(found))


@app.command(epilog=_ADD)
def add(
    context: typer.Context,
    folder: FolderArgument,
    name: NameOption,
    version: VersionOption,
    licence: LicenceOption,
    base_model: BaseOption = "",
    quantisation: QuantisationOption = "",
    inventory: InventoryOption = None,
    output: OutputOption = None,
) -> None:
    """Name a model for the bundle, once it can be carried.

    It goes into models.yml beside the inventory, for the next lock. An entry of the same name and version is changed;
    other lines stay as they are.
    """
    from installer.cli.models import Models

    here = site(context, lenient=True, inventory=inventory, output=output)
    named = Models(here)
    fields = {
        "name": name, "version": version, "licence": licence, "base_model": base_model, "quantisation": quantisation,
    }  # fmt: skip
    entry, was_there = named.add(folder, fields)
    text = f"{entry} {'changed' if was_there else 'added'} in {named.path}. `bundle lock` pins it."
    answer(here, {"list": named.path, "changed": was_there, "entry": entry}, text)


@app.command("list", epilog=_LIST)
def show(
    context: typer.Context,
    inventory: InventoryOption = None,
    bundle: BundleOption = None,
    state: StateOption = None,
    offline: OfflineOption = False,
    output: OutputOption = None,
) -> None:
    """Show the models that are named, pinned and in the bundle, and the versions that the site has registered.

    Says where what is registered differs from what the site's registry of images has.
    """
    from installer.cli.catalogs import look_if_any
    from installer.cli.models import Models

    here = site(context, lenient=True, inventory=inventory, bundle=bundle, state=state, output=output)
    found = Models(here).states()
    there = None if offline else look_if_any(here)
    text = _states(found) if there is None else f"{_states(found)}\n\n{registered.show_registered(there)}"
    answer(here, {"models": found, "registered": there}, text)


def _described(found: ModelDescription) -> str:
    licence = ", ".join(found.licence_files) + (f"; its maker says {found.licence}" if found.licence else "")
    facts = {
        "format": ", ".join(found.formats),
        "architecture": found.architecture,
        "parameters": _counted(found.parameters) if found.parameters else "",
        "precision": found.precision,
        "context": f"{found.context_tokens} tokens" if found.context_tokens else "",
        "size": f"{size(found.size)} in {len(found.files)} files",
        "licence": licence,
        "contents": found.contents,
    }
    return "\n".join(f"{name:14}{value or '-'}" for name, value in facts.items())


def _counted(amount: int) -> str:
    for unit, word in _UNITS:
        if amount >= unit:
            return f"{amount / unit:.1f} {word}"
    return str(amount)


def _states(found: tuple[ModelState, ...]) -> str:
    if not found:
        return "No model is named, pinned or in a bundle: see `platform-install model add --help`."
    rows = [
        (
            model.name, model.version, model.licence, size(model.size) if model.size else "-",
            *("yes" if said else "no" for said in (model.listed, model.locked, model.bundled)),
        )
        for model in found
    ]  # fmt: skip
    return table(("model", "version", "licence", "size", "named", "pinned", "in the bundle"), rows)
