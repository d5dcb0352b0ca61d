"""Options that several commands share. They may stand before or after the command's name."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated

import typer


class Output(enum.Enum):
    """What stdout carries."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True)
class Common:
    """The shared options as given; None where one was not."""

    inventory: str | None = None
    state: Path | None = None
    bundle: Path | None = None
    output: Output | None = None
    verbose: bool | None = None
    yes: bool | None = None

    def over(self, below: Common) -> Common:
        """Return these options, completed by those given before the command's name."""
        given = {item.name: value for item in fields(self) if (value := getattr(self, item.name)) is not None}
        return replace(below, **given)


InventoryOption = Annotated[
    str | None, typer.Option("--inventory", "-i", help="Inventory: a name below inventories/, or a path.", show_default=False)
]
StateOption = Annotated[
    Path | None, typer.Option("--state", help="Directory of journal, keys, kubeconfig and reports.", show_default=False)
]
BundleOption = Annotated[Path | None, typer.Option("--bundle", help="The bundle's folder.", show_default=False)]
OutputOption = Annotated[
    Output | None, typer.Option("--output", "-o", help="What stdout carries: text or JSON lines.", show_default=False)
]
VerboseOption = Annotated[bool | None, typer.Option("--verbose", "-v", help="Show every task.", show_default=False)]
YesOption = Annotated[bool | None, typer.Option("--yes", "-y", help="Do not ask before hosts are changed.", show_default=False)]
OnlyOption = Annotated[
    list[str] | None, typer.Option("--only", help="Only this component; may be given again.", show_default=False)
]
SkipOption = Annotated[list[str] | None, typer.Option("--skip", help="Not this component; may be given again.", show_default=False)]
LimitOption = Annotated[str | None, typer.Option("--limit", help="Only these hosts or groups.", show_default=False)]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")]
