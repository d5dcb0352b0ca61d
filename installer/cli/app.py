"""The entry point: turns errors into a message and an exit code, once."""

from __future__ import annotations

import sys

import typer

from installer.cli.commands import bundle, install, lab, plan, remove, render
from installer.cli.options import (
    BundleOption,
    Common,
    DryRunOption,
    InventoryOption,
    LimitOption,
    OnlyOption,
    OutputOption,
    SkipOption,
    StateOption,
    VerboseOption,
    YesOption,
)
from installer.engine.plan import Selection
from installer.errors import ExitCode, PlatformError

app = typer.Typer(
    name="platform-install",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(bundle.app, name="bundle")
app.add_typer(lab.app, name="lab")
app.command("remove")(remove.remove)
app.command("reset")(remove.reset)
app.command("plan")(plan.run)
app.command("render")(render.run)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    inventory: InventoryOption = None,
    state: StateOption = None,
    bundle_folder: BundleOption = None,
    output: OutputOption = None,
    verbose: VerboseOption = None,
    yes: YesOption = None,
    only: OnlyOption = None,
    skip: SkipOption = None,
    limit: LimitOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Turn bare Linux servers without internet into a Kubernetes platform for GPU inference."""
    context.obj = Common(inventory, state, bundle_folder, output, verbose, yes)
    if context.invoked_subcommand is None:
        install.run(context, Selection(tuple(only or ()), tuple(skip or ())), limit or "", dry_run)


def main() -> None:
    """Run the command line and exit."""
    try:
        app()
    except PlatformError as error:
        show_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Run the same command again to go on.\n")
        sys.exit(ExitCode.INTERRUPTED)


def show_error(error: PlatformError) -> None:
    """Write an error the way an operator reads it: what, the facts, what to do."""
    sys.stderr.write(f"\nERROR {error.summary}\n")
    for line in error.details:
        sys.stderr.write(f"  {line}\n")
    if error.hint:
        sys.stderr.write(f"→ {error.hint}\n")
