"""Which versions of models are registered, which are in dev, staging and production, and which may go."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from installer.cli.commands.common import answer, site
from installer.cli.commands.releases import ReasonOption, RehearsalOption
from installer.cli.console import table
from installer.cli.options import InventoryOption, OutputOption, StateOption, YesOption
from installer.model.registered import CatalogLook, Collection, Promotion, RegisteredVersion

_DIGEST_SIGNS = 19


class Stage(StrEnum):
    """Where a version may be."""

    DEV = "dev"
    STAGING = "staging"
    PRODUCTION = "production"


ModelArgument = Annotated[str, typer.Argument(metavar="NAME", help="The model's registered name.", show_default=False)]
VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help="Three numbers: 1.0.0.", show_default=False)]
StageOption = Annotated[Stage, typer.Option("--to", help="Where to.", show_default=False)]
AgeOption = Annotated[
    float,
    typer.Option("--older-than", metavar="DAYS", min=0, help="Since one was registered.", show_default=False),
]


def promote(
    context: typer.Context,
    name: ModelArgument,
    version: VersionArgument,
    stage: StageOption,
    reason: ReasonOption = "",
    inventory: InventoryOption = None,
    state: StateOption = None,
    dry_run: RehearsalOption = None,
    output: OutputOption = None,
) -> None:
    """Have dev, staging or production point to a version; the audit log keeps who did, and why.

    The site's registry of images must have the digest that was registered. Into production goes what holds staging,
    with a reason. Ends with 2 when it may not be; nothing is changed then.
    """
    from installer.cli.catalogs import RegistryOfModels

    here = site(context, inventory=inventory, state=state, dry_run=dry_run, output=output)
    dry = bool(here.options.dry_run)
    found = RegistryOfModels(here).promote(name, version, stage.value, reason, dry=dry)
    answer(here, {"dry_run": dry, "promotion": found}, show_promotion(found, dry))


def gc(
    context: typer.Context,
    days: AgeOption,
    name: Annotated[str, typer.Argument(metavar="NAME", help="One model; all when not given.")] = "",
    inventory: InventoryOption = None,
    state: StateOption = None,
    dry_run: RehearsalOption = None,
    yes: YesOption = None,
    output: OutputOption = None,
) -> None:
    """Delete registered versions that nobody needs; asks first, and the audit log keeps it.

    What has an alias stays, what is served, and the two digests that were in production last.
    """
    from installer.cli.catalogs import RegistryOfModels

    here = site(context, inventory=inventory, state=state, dry_run=dry_run, yes=yes, output=output)
    dry = bool(here.options.dry_run)
    found = RegistryOfModels(here).collect_asking(name, days, dry=dry)
    answer(here, {"dry_run": dry, "collection": found}, show_collection(found, dry))


def add_to(app: typer.Typer) -> None:
    """Add these commands to a group."""
    for command in (promote, gc):
        app.command()(command)


def show_registered(found: CatalogLook) -> str:
    """Return registered versions as an operator reads them."""
    if not found.versions:
        text = "No version is registered."
    else:
        header = ("model", "version", "stage", "digest", "in the registry", "served", "licence", "replaces")
        text = table(header, [_row(version) for version in found.versions])
    return "\n".join([text, *([""] if found.differs else []), *(f"differs: {words}" for words in found.differs)])


def show_promotion(found: Promotion, dry: bool) -> str:
    """Return an alias that was moved as an operator reads it."""
    version = found.version
    if not found.moved:
        return f"{version} is in {found.stage} already."
    instead = f" instead of {found.before}" if found.before else ""
    return f"{version} {'would be' if dry else 'is'} in {found.stage}{instead}: {version.digest}"


def show_collection(found: Collection, dry: bool) -> str:
    """Return what was deleted, and what stays, as an operator reads it."""
    lines = [f"{version} {'would go' if dry else 'is gone'}: {_since(version)}" for version in found.deleted]
    kept = [f"{name} stays: {why}" for name, why in sorted(found.kept.items())]
    return "\n".join([*(lines or ["Nothing may go."]), *kept])


def _since(version: RegisteredVersion) -> str:
    day = datetime.fromtimestamp(version.created, UTC).date().isoformat()
    return f"registered {day}, {version.digest or 'without a digest'}"


def _row(version: RegisteredVersion) -> tuple[str, ...]:
    agrees = "yes" if version.found == version.digest else "another" if version.found else "no"
    return (
        version.name,
        version.version or "-",
        ", ".join(version.aliases) or "-",
        version.digest[:_DIGEST_SIGNS] or "-",
        agrees,
        "yes" if version.served else "no",
        version.licence or "-",
        version.replaces or "-",
    )
