"""How models are, who lets their releases on or takes them back, and what the audit log has of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import typer

from installer.cli.commands import schedules
from installer.cli.commands.common import answer, site
from installer.cli.console import table
from installer.cli.options import InventoryOption, OutputOption, StateOption
from installer.engine.releases import require_reason, require_whole
from installer.model.events import Warned
from installer.model.releases import Audit, ModelState

_EVENT = "release"

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The model; ENGINE/NAME where two engines serve it.", show_default=False)
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the audit log.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Follow the release until it is over.")]
PatienceOption = Annotated[
    float, typer.Option("--patience", metavar="SECONDS", min=1, help="How long --wait follows it at most.")
]
RehearsalOption = Annotated[
    bool | None, typer.Option("--dry-run", help="See whether it could be done, and stop.", show_default=False)
]


def status(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="One model; all when not given.")] = "",
    inventory: InventoryOption = None,
    state: StateOption = None,
    output: OutputOption = None,
) -> None:
    """Show each model's versions, shares, phase and copies, what a release waits for, or why it was taken back."""
    from installer.cli.releases import Releases

    here = site(context, inventory=inventory, state=state, output=output)
    models, _ = Releases(here).look(name)
    answer(here, {"models": models}, show_models(models))


def approve(
    context: typer.Context,
    name: NameArgument,
    reason: ReasonOption = "",
    without_verdict: Annotated[
        bool, typer.Option("--without-verdict", help="Agree although measurements are waited for; needs a reason.")
    ] = False,
    measure_again: Annotated[
        bool, typer.Option("--measure-again", help="Begin a judgement anew that came to nothing.")
    ] = False,
    alone: schedules.AloneOption = "",
    wait: WaitOption = False,
    patience: PatienceOption = 7200,
    inventory: InventoryOption = None,
    state: StateOption = None,
    dry_run: RehearsalOption = None,
    output: OutputOption = None,
) -> None:
    """Agree to a release that waits for a person; the audit log keeps who did.

    Another person has to agree than who released it, by the log, unless that person says why: --alone.
    """
    from installer.cli.releases import Releases

    if without_verdict:
        reason = require_reason(reason, "--without-verdict")
    here = site(context, streams=True, inventory=inventory, state=state, dry_run=dry_run, output=output)
    releases, dry = Releases(here), bool(here.options.dry_run)
    further: dict[str, bool | str] = {"without_verdict": without_verdict, "measure_again": measure_again}
    further["alone"] = alone.strip()
    found = releases.act("approve", name, reason, dry, **further)
    followed = wait and not dry
    if followed:
        found = releases.follow(found, back=False, seconds=patience)
    answer(here, {"does": "approve", "dry_run": dry, "model": found}, _approved(found, dry, followed), _EVENT)


def rollback(
    context: typer.Context,
    name: NameArgument,
    reason: ReasonOption = "",
    wait: WaitOption = False,
    patience: PatienceOption = 7200,
    inventory: InventoryOption = None,
    state: StateOption = None,
    dry_run: RehearsalOption = None,
    output: OutputOption = None,
) -> None:
    """Take back a release that is under way; the version before it goes on. Needs a reason, for the audit log."""
    from installer.cli.releases import Releases

    reason = require_reason(reason, "A rollback")
    here = site(context, streams=True, inventory=inventory, state=state, dry_run=dry_run, output=output)
    releases, dry = Releases(here), bool(here.options.dry_run)
    found = releases.act("rollback", name, reason, dry)
    if wait and not dry:
        found = releases.follow(found, back=True, seconds=patience)
    answer(here, {"does": "rollback", "dry_run": dry, "model": found}, _taken_back(found, dry), _EVENT)


def audit(
    context: typer.Context,
    verify: Annotated[
        bool, typer.Option("--verify", help="See that no line was changed or taken away; ends with 6 when one was.")
    ] = False,
    inventory: InventoryOption = None,
    state: StateOption = None,
    output: OutputOption = None,
) -> None:
    """Show who released, approved and took back which model, when and why."""
    from installer.cli.releases import Releases

    here = site(context, inventory=inventory, state=state, output=output)
    found = Releases(here).audit()
    for warning in _warnings(found, judged=verify):
        here.reporter.emit(Warned(warning))
    answer(here, found, _whole(found) if verify else show_audit(found))
    if verify:
        require_whole(found)


def add_to(app: typer.Typer) -> None:
    """Add these commands to a group."""
    for command in (status, approve, rollback, audit):
        app.command()(command)
    app.command(epilog=schedules.EXAMPLES)(schedules.schedule)


def show_models(models: Sequence[ModelState]) -> str:
    """Return models as an operator reads them."""
    if not models:
        return "No model is served."
    header = ("model", "engine", "is", "stable", "release", "share", "copies ready")
    told = [f"{model.model}: {model.words}{_since(model)}" for model in models if model.words]
    told += [schedules.told(model.schedule) for model in models if model.schedule is not None]
    return "\n".join([table(header, [_row(model) for model in models]), *([""] if told else []), *told])


def show_audit(found: Audit) -> str:
    """Return who moved releases as an operator reads it."""
    if not found.entries:
        return f"Nobody has moved a release yet: {found.path} has no line."
    header = ("time", "who", "login", "command", "model", "from", "to", "why, and what it waited for")
    return table(header, [_entry(entry) for entry in found.entries])


def _row(model: ModelState) -> tuple[str, ...]:
    release = "-" if model.release is None else f"{model.release}{' (taken back)' if model.taken_back else ''}"
    share = "-" if model.release is None else f"{model.share} %"
    return (
        model.model,
        model.engine,
        model.phase,
        str(model.stable or "-"),
        release,
        share,
        f"{model.ready} of {model.wanted}" + (f", {model.release.ready} of the release" if model.release else ""),
    )


def _since(model: ModelState) -> str:
    return f" (since {model.since})" if model.since else ""


def _entry(entry: Mapping[str, str]) -> tuple[str, ...]:
    def told(key: str) -> str:
        return " ".join(str(entry.get(key, "")).split())

    model = "/".join(part for part in (told("engine"), told("model")) if part)
    why = " / ".join(part for part in (told("reason"), told("note")) if part)
    rest = [told(key) or "-" for key in ("from", "to")]
    return (*(told(key) or "-" for key in ("time", "who", "login", "command")), model or "-", *rest, why)


def _warnings(found: Audit, judged: bool) -> Iterator[str]:
    if found.broken is not None and not judged:
        yield f"Line {found.broken.line} of {found.path} is not what was written: {found.broken.why}."
    if found.torn:
        yield (
            f"After line {found.lines} of {found.path} {found.torn} bytes of a line are left that was cut off, as by a"
            " power cut. An approval or a rollback of which it told was not done; the next entry keeps them aside."
        )


def _whole(found: Audit) -> str:
    if found.broken is not None:
        return f"{found.path}: NOT as it was written"
    return f"{found.path}: {found.lines} lines, as they were written; the last one's digest is {found.digest}"


def _approved(found: ModelState, dry: bool, followed: bool) -> str:
    if followed:
        return f"{found.model}: {found.stable} has all requests."
    return f"{found.model}: {found.release} {'would go' if dry else 'goes'} on. It waited: {found.words}."


def _taken_back(found: ModelState, dry: bool) -> str:
    if dry:
        return f"{found.model}: {found.release} would be taken back, and {found.stable} go on."
    return (
        f"{found.model}: {found.release} is taken back, and {found.stable} goes on."
        f" Put {found.stable} into the inventory, so that the next run wants what runs."
    )
