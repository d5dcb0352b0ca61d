"""The bundle: what a site is carried."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from installer.cli.commands.common import site
from installer.cli.console import plain, size, table
from installer.cli.options import BundleOption, InventoryOption, OutputOption, StateOption
from installer.model.bundle import Difference

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command()
def lock(context: typer.Context, inventory: InventoryOption = None, output: OutputOption = None) -> None:
    """Pin everything to digests, and show what changed since the last lock."""
    from installer.cli.bundles import Bundles

    here = site(context, inventory=inventory, output=output)
    pinned, difference = Bundles(here).lock()
    typer.echo(json.dumps(plain(difference)) if here.json else _difference(difference))
    typer.echo(f"{len(pinned.items)} items pinned in {here.lock_path}.", err=True)


@app.command()
def build(
    context: typer.Context,
    inventory: InventoryOption = None,
    bundle: BundleOption = None,
    state: StateOption = None,
    output: OutputOption = None,
    key: Annotated[Path | None, typer.Option("--key", help="Key to sign with; the state's own when absent.")] = None,
) -> None:
    """Fetch or make what the lock names, and write a signed bundle."""
    from installer.cli.bundles import Bundles

    here = site(context, inventory=inventory, bundle=bundle, state=state, output=output)
    built = Bundles(here).build(key)
    word = "built" if built.changed else "unchanged"
    text = f"{built.release.id} {word}: {built.items} items, {size(built.size)}, at {here.bundle}"
    typer.echo(json.dumps(plain(built)) if here.json else text)


@app.command()
def verify(
    context: typer.Context,
    inventory: InventoryOption = None,
    bundle: BundleOption = None,
    state: StateOption = None,
    output: OutputOption = None,
) -> None:
    """Check who signed the bundle, whether it is whole, and whether it is its time."""
    from installer.cli.bundles import Bundles

    here = site(context, inventory=inventory, bundle=bundle, state=state, output=output)
    trusted = Bundles(here).verify()
    text = f"{trusted.release.id} is good: signed by {trusted.signer}, {len(trusted.manifest.items)} items."
    typer.echo(json.dumps(plain(trusted.release)) if here.json else text)


def _difference(found: Difference) -> str:
    rows = [
        (mark, change.kind, change.name, change.scope, change.before, change.after)
        for mark, changes in (("+", found.added), ("-", found.removed), ("~", found.changed))
        for change in changes
    ]
    if not rows:
        return "Nothing differs."
    total = f"+{size(found.bytes_added)} -{size(found.bytes_removed)}"
    return table(("", "kind", "name", "for", "before", "after"), rows) + f"\n{total}"
