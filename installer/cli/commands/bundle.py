"""The bundle: what a site is carried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from installer.cli.commands.common import answer, site
from installer.cli.console import size, table
from installer.cli.options import BundleOption, InventoryOption, OutputOption, StateOption
from installer.engine.declared_items import DeclaredItem
from installer.engine.sizes import parse_size
from installer.model.bundle import Difference
from installer.model.volumes import SizePlan

app = typer.Typer(help=__doc__, no_args_is_help=True)

MediaOption = Annotated[str, typer.Option("--media", help="What one medium holds: 700M, 4.7G, 32GB, 1TiB.")]
ItemsOption = Annotated[bool, typer.Option("--items", help="Name every item instead of adding sizes up.")]
KeyOption = Annotated[Path | None, typer.Option("--key", help="Key to sign with; the state's own when absent.")]
FolderArgument = Annotated[Path, typer.Argument(help="A bundle's folder.")]


@app.command()
def lock(context: typer.Context, inventory: InventoryOption = None, output: OutputOption = None) -> None:
    """Pin everything to digests, and show what changed since the last lock."""
    from installer.cli.bundles import Bundles

    here = site(context, inventory=inventory, output=output)
    pinned, difference = Bundles(here).lock()
    answer(here, difference, _difference(difference))
    typer.echo(f"{len(pinned.items)} items pinned in {here.own_lock_path}.", err=True)


@app.command()
def build(
    context: typer.Context,
    inventory: InventoryOption = None,
    bundle: BundleOption = None,
    state: StateOption = None,
    output: OutputOption = None,
    key: KeyOption = None,
) -> None:
    """Fetch or make what the lock names, and write a signed bundle."""
    from installer.cli.bundles import Bundles

    here = site(context, inventory=inventory, bundle=bundle, state=state, output=output)
    built = Bundles(here).build(key)
    word = "built" if built.changed else "unchanged"
    text = f"{built.release.id} {word}: {built.items} items, {size(built.size)}, at {here.bundle}"
    answer(here, built, text)


# From here on, but for the plan, a bundle is all that matters: of the inventory, only who may sign, and whose state.


@app.command()
def verify(
    context: typer.Context,
    inventory: InventoryOption = None,
    bundle: BundleOption = None,
    state: StateOption = None,
    output: OutputOption = None,
    deep: Annotated[bool, typer.Option("--deep", help="Open each image, chart, wheel and package too.")] = False,
) -> None:
    """Check who signed the bundle, whether it is whole, and whether it is its time."""
    from installer.cli.volumes import Volumes

    here = site(context, lenient=True, inventory=inventory, bundle=bundle, state=state, output=output)
    trusted = Volumes(here).check(deep=deep)
    text = f"{trusted.release.id} is good: signed by {trusted.signer}, {len(trusted.manifest.items)} items."
    answer(here, trusted.release, text)


@app.command()
def plan(
    context: typer.Context,
    inventory: InventoryOption = None,
    state: StateOption = None,
    output: OutputOption = None,
    media: MediaOption = "",
    items: ItemsOption = False,
) -> None:
    """Show how large the bundle of the lock is and how many media it needs, before anything is fetched.

    Without a lock sizes are not known, and every item is named instead.
    """
    from installer.cli.volumes import Volumes

    here = site(context, inventory=inventory, state=state, output=output)
    if items or Volumes(here).has_no_lock:
        declared = Volumes(here).declared()
        answer(here, {"items": declared}, _declared(declared))
        return
    planned = Volumes(here).plan(parse_size(media) if media else 0)
    answer(here, planned, _sizes(planned))


@app.command()
def split(
    context: typer.Context,
    media: MediaOption,
    to: Annotated[Path, typer.Option("--to", help="Folder to write the volumes to.")],
    inventory: InventoryOption = None,
    bundle: BundleOption = None,
    state: StateOption = None,
    output: OutputOption = None,
) -> None:
    """Write the bundle onto volumes that fit the media."""
    from installer.cli.volumes import Volumes

    here = site(context, lenient=True, inventory=inventory, bundle=bundle, state=state, output=output)
    volumes = Volumes(here).split(parse_size(media), to)
    rows = [(volume.name, size(volume.size), "written" if volume.written else "was there") for volume in volumes]
    answer(here, {"volumes": volumes}, table(("volume", "size", ""), rows))


@app.command()
def load(
    context: typer.Context,
    places: Annotated[list[Path], typer.Option("--from", help="A volume, or a folder of volumes; may be given again.")],
    inventory: InventoryOption = None,
    bundle: BundleOption = None,
    state: StateOption = None,
    output: OutputOption = None,
) -> None:
    """Take the bundle in from its volumes, in any order, a few at a time if need be."""
    from installer.cli.volumes import Volumes

    here = site(context, lenient=True, inventory=inventory, bundle=bundle, state=state, output=output)
    report = Volumes(here).load(places)
    lacking = f"Of {report.volumes} volumes there lack: {', '.join(map(str, report.missing))}."
    text = f"{report.bundle}: {size(report.loaded)} loaded, {size(report.kept)} were there. "
    text += f"It is whole, at {here.bundle}." if report.complete else lacking
    answer(here, report, text)


@app.command()
def diff(
    context: typer.Context,
    before: FolderArgument,
    after: FolderArgument,
    inventory: InventoryOption = None,
    state: StateOption = None,
    output: OutputOption = None,
) -> None:
    """Show the items and bytes added, removed and changed from one bundle to another."""
    from installer.cli.volumes import Volumes

    here = site(context, lenient=True, inventory=inventory, state=state, output=output)
    difference = Volumes(here).diff(before, after)
    answer(here, difference, _difference(difference))


@app.command()
def delta(
    context: typer.Context,
    base: Annotated[Path, typer.Option("--base", help="Folder of the bundle that the site has.")],
    to: Annotated[Path, typer.Option("--to", help="Folder to write the delta to.")],
    inventory: InventoryOption = None,
    bundle: BundleOption = None,
    state: StateOption = None,
    output: OutputOption = None,
    key: KeyOption = None,
) -> None:
    """Write a signed bundle that carries only what another one lacks."""
    from installer.cli.volumes import Volumes

    here = site(context, lenient=True, inventory=inventory, bundle=bundle, state=state, output=output)
    made = Volumes(here).delta(base, to, key)
    text = f"{made.release.id}: {size(made.size)} carried, {size(made.left_out)} left out, at {to}"
    answer(here, made, text)


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


def _declared(items: Sequence[DeclaredItem]) -> str:
    rows = [(item.component, item.kind, item.name, item.version, item.scope) for item in items]
    counts = Counter(item.kind for item in items)
    total = ", ".join(f"{count} {kind}s" for kind, count in counts.items())
    listing = table(("component", "kind", "name", "version", "for"), rows)
    return f"{listing}\n\n{total}. Sizes are known once `bundle lock` has pinned them, with what packages need."


def _sizes(planned: SizePlan) -> str:
    rows = [(item.name, str(item.items), size(item.size), size(item.shared)) for item in planned.components]
    rows.append(("all", "", size(planned.size), ""))
    disks = [
        (disk.kind, *(size(part) for part in (disk.bundle, disk.images, disk.packages, disk.files, disk.total)))
        for disk in planned.disks
    ]
    text = table(("component", "items", "adds", "shares"), rows)
    if planned.media:
        text += f"\n\n{planned.volumes} media of {size(planned.media)}, each of which repeats {size(planned.front)}"
    header = ("disk of each", "bundle", "images", "packages", "files", "together")
    return text + "\n\n" + table(header, disks) + "\nWhat is unpacked is an estimate."
