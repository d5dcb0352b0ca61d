"""The entry point: turns errors into a message and an exit code, once."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from installer.cli.commands import (
    backup,
    bundle,
    install,
    lab,
    model,
    plan,
    preflight,
    remove,
    render,
    rotate,
    status,
    verify,
    version,
)
from installer.cli.console import PROGRAM
from installer.cli.options import (
    BundleOption,
    Common,
    DryRunOption,
    InventoryOption,
    LimitOption,
    OnlyOption,
    Output,
    OutputOption,
    SkipOption,
    StateOption,
    VerboseOption,
    YesOption,
)
from installer.cli.wiring import end_programs
from installer.errors import ExitCode, Interrupted, PlatformError

# What a shell says of a program that a closed pipe ended.
_BROKEN_PIPE = 128 + signal.SIGPIPE


class Commands(TyperGroup):
    """Presents what ends a command early; a bug keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except PlatformError as error:
            _end(error, ctx.obj)
        except (KeyboardInterrupt, typer.Abort):
            _end(Interrupted("Stopped. What was done so far is written down.", hint=f"Go on with: {_this()}"), ctx.obj)
        except BrokenPipeError:
            # Nobody reads any more, so nothing is said. Python would complain once more when it flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(_BROKEN_PIPE) from None


app = typer.Typer(
    name=PROGRAM,
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("status")(status.run)
app.command("verify")(verify.run)
app.command("version")(version.run)
app.add_typer(bundle.app, name="bundle")
app.add_typer(lab.app, name="lab")
app.add_typer(model.app, name="model")
app.command("remove")(remove.remove)
app.command("reset")(remove.reset)
app.command("rotate")(rotate.run)
app.command("backup")(backup.back_up)
app.command("restore")(backup.restore)
app.command("plan")(plan.run)
app.command("preflight")(preflight.run)
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
    dry_run: DryRunOption = None,
) -> None:
    """Turn bare Linux servers without internet into a Kubernetes platform for GPU inference.

    Without a command: install what differs from the inventory, verify everything, report.
    """
    context.obj = Common.of(
        inventory=inventory,
        state=state,
        bundle=bundle_folder,
        output=output,
        verbose=verbose,
        yes=yes,
        only=only,
        skip=skip,
        limit=limit,
        dry_run=dry_run,
    )
    if context.invoked_subcommand is None:
        install.run(context)


def main() -> None:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _terminated)
    app(prog_name=PROGRAM)


def show_error(error: PlatformError) -> None:
    """Write an error the way an operator reads it: what, the facts, what to do."""
    sys.stderr.write(f"\nERROR {error.summary}\n")
    for line in error.details:
        sys.stderr.write(f"  {line}\n")
    if error.hint:
        sys.stderr.write(f"→ {error.hint}\n")
    sys.stderr.flush()


def _end(error: PlatformError, options: object) -> NoReturn:
    """Present an error, and leave with its exit code."""
    if isinstance(options, Common) and options.output is Output.JSON:
        document = {
            "event": "error",
            "exit_code": int(error.exit_code),
            "summary": error.summary,
            "details": list(error.details),
            "hint": error.hint,
        }
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()
    show_error(error)
    raise typer.Exit(error.exit_code or ExitCode.BUG) from error


def _this() -> str:
    return shlex.join([PROGRAM, *sys.argv[1:]])


def _terminated(number: int, frame: object) -> NoReturn:  # noqa: ARG001 - the signal's protocol
    """End like an operator's Ctrl-C: children first, then the journal."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_programs()
    raise KeyboardInterrupt
