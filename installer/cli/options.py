"""Options that several commands share. They may stand before or after the command's name."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from installer.cli.completion import components, hosts, inventories


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
    only: tuple[str, ...] | None = None
    skip: tuple[str, ...] | None = None
    limit: str | None = None
    dry_run: bool | None = None

    @classmethod
    def of(cls, **given: Any) -> Common:
        """Return options from what was parsed; names may stand with commas between, and an empty list is none."""
        values = {}
        for name, value in given.items():
            if isinstance(value, list):
                value = tuple(part for entry in value for part in entry.split(",") if part) or None
            values[name] = value
        return cls(**values)

    def over(self, below: Common) -> Common:
        """Return these options, completed by those given before the command's name."""
        given = {item.name: value for item in fields(self) if (value := getattr(self, item.name)) is not None}
        return replace(below, **given)

    def arguments(self) -> tuple[str, ...]:
        """Return the options that say what a command works on, as they are written on a command line."""
        words: list[str] = []
        for name in ("inventory", "state", "bundle", "limit"):
            if (value := getattr(self, name)) is not None:
                words += [f"--{name}", str(value)]
        for name in ("only", "skip"):
            words += [word for value in getattr(self, name) or () for word in (f"--{name}", value)]
        return tuple(words)


InventoryOption = Annotated[
    str | None,
    typer.Option(
        "--inventory",
        "-i",
        metavar="NAME|PATH",
        help="Inventory: a name below inventories/, or a path.",
        show_default=False,
        autocompletion=inventories,
    ),
]
StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state", metavar="FOLDER", help="Directory of journal, keys, kubeconfig and reports.", show_default=False
    ),
]
BundleOption = Annotated[
    Path | None, typer.Option("--bundle", metavar="FOLDER", help="The bundle's folder.", show_default=False)
]
OutputOption = Annotated[
    Output | None, typer.Option("--output", "-o", help="What stdout carries: text or JSON lines.", show_default=False)
]
VerboseOption = Annotated[bool | None, typer.Option("--verbose", "-v", help="Show every task.", show_default=False)]
YesOption = Annotated[
    bool | None, typer.Option("--yes", "-y", help="Do not ask before hosts are changed.", show_default=False)
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="COMPONENT",
        help="Only this component; may be given again.",
        show_default=False,
        autocompletion=components,
    ),
]
SkipOption = Annotated[
    list[str] | None,
    typer.Option(
        "--skip",
        metavar="COMPONENT",
        help="Not this component; may be given again.",
        show_default=False,
        autocompletion=components,
    ),
]
LimitOption = Annotated[
    str | None,
    typer.Option(
        "--limit",
        metavar="HOSTS",
        help="Only these hosts or groups, with commas between.",
        show_default=False,
        autocompletion=hosts,
    ),
]
DryRunOption = Annotated[bool | None, typer.Option("--dry-run", help="Print the plan and stop.", show_default=False)]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Reach no host: say what is written down.")]
