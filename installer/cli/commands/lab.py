"""Bare hosts on this machine: up, down, status, power, shell."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from installer.cli.commands.common import answer, site
from installer.cli.completion import lab_hosts
from installer.cli.console import size, table
from installer.cli.options import InventoryOption, OutputOption
from installer.model.lab import LabStatus

app = typer.Typer(help=__doc__, no_args_is_help=True)
HostArgument = Annotated[str, typer.Argument(help="A host of the lab.", show_default=False, autocompletion=lab_hosts)]
CommandArgument = Annotated[list[str] | None, typer.Argument(help="A program and its arguments.", show_default=False)]
_PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@app.command()
def up(context: typer.Context, inventory: InventoryOption = None) -> None:
    """Start every host that does not run; the lab's first start makes its disks."""
    here = site(context, inventory=inventory, default_inventory="lab")
    here.lab_provider.up(here.lab)


@app.command()
def down(
    context: typer.Context,
    inventory: InventoryOption = None,
    wipe: Annotated[bool, typer.Option("--wipe", help="Delete the hosts' disks and keys too.")] = False,
) -> None:
    """Stop every host and take the lab's network away."""
    here = site(context, inventory=inventory, default_inventory="lab", lenient=True)
    here.lab_provider.down(here.lab, wipe)


@app.command()
def status(context: typer.Context, inventory: InventoryOption = None, output: OutputOption = None) -> None:
    """Show the hosts, and what tried to leave the lab's network."""
    here = site(context, inventory=inventory, output=output, default_inventory="lab", lenient=True)
    found = here.lab_provider.status(here.lab)
    answer(here, found, _text(found))


@app.command()
def kill(context: typer.Context, host: HostArgument, inventory: InventoryOption = None) -> None:
    """Cut one host's power."""
    here = site(context, inventory=inventory, default_inventory="lab", lenient=True)
    here.lab_provider.kill(here.lab, host)


@app.command()
def start(context: typer.Context, host: HostArgument, inventory: InventoryOption = None) -> None:
    """Power one host on again."""
    here = site(context, inventory=inventory, default_inventory="lab", lenient=True)
    here.lab_provider.start(here.lab, host)


@app.command(context_settings=_PASS_ON)
def ssh(
    context: typer.Context, host: HostArgument, command: CommandArgument = None, inventory: InventoryOption = None
) -> None:
    """Open a shell on a host, or run a program there."""
    here = site(context, inventory=inventory, default_inventory="lab", lenient=True)
    arguments = here.lab_provider.ssh_command(here.lab, host, command or [])
    os.execvp(arguments[0], arguments)


@app.command("exec", context_settings=_PASS_ON)
def execute(context: typer.Context, command: CommandArgument = None, inventory: InventoryOption = None) -> None:
    """Run a program of this machine inside the lab's network."""
    here = site(context, inventory=inventory, default_inventory="lab", lenient=True)
    arguments = here.lab_provider.inside_command(here.lab, command or [os.environ.get("SHELL", "/bin/sh")])
    os.execvp(arguments[0], arguments)


def _text(found: LabStatus) -> str:
    rows = [(h.name, h.address, "running" if h.running else "off", size(h.memory), h.left_host) for h in found.hosts]
    lines = [table(("host", "address", "power", "memory", "packets that left it for outside"), rows), ""]
    lines.append(f"packets for outside on the bridge: {found.left_bridge}")
    lines += [f"  {pair}" for pair in found.offenders]
    return "\n".join(lines)
