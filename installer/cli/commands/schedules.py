"""Agree to a release for a later time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from installer.cli.commands.common import answer, site
from installer.cli.console import table
from installer.cli.options import InventoryOption, OutputOption, StateOption
from installer.engine.release_times import Window, at_moment, next_window, spelled, zone_of
from installer.engine.releases import require_reason
from installer.errors import UsageError
from installer.model.releases import ModelSchedule, ModelState

NameArgument = Annotated[
    str, typer.Argument(metavar="[NAME]", help="The model; ENGINE/NAME where two engines serve it.", show_default=False)
]
VersionArgument = Annotated[
    str, typer.Argument(metavar="[VERSION]", help="The only version that is agreed to.", show_default=False)
]
AtOption = Annotated[
    str, typer.Option("--at", metavar="TIME", help="When, by ISO 8601: 2026-01-31T02:00.", show_default=False)
]
WindowOption = Annotated[
    str,
    typer.Option(
        "--window", metavar="CALENDAR", help='In the next window that begins so, as cron has it: "0 2 * * sat".',
        show_default=False,
    ),
]  # fmt: skip
MinutesOption = Annotated[int, typer.Option("--minutes", min=5, max=1440, help="How long a --window is.")]
ZoneOption = Annotated[
    str, typer.Option("--zone", metavar="ZONE", help="The time zone of --at and --window: Europe/Berlin.")
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the audit log.")]
AloneOption = Annotated[
    str,
    typer.Option("--alone", metavar="TEXT", help="Why who released it agrees to it himself.", show_default=False),
]
ListOption = Annotated[bool, typer.Option("--list", help="Show all, and what became of them.")]
CancelOption = Annotated[bool, typer.Option("--cancel", help="Take back what is scheduled for a model.")]
RehearsalOption = Annotated[
    bool | None, typer.Option("--dry-run", help="See whether it could be done, and stop.", show_default=False)
]
# What stands behind a backspace is shown as it is written.
EXAMPLES = """\b
Examples:
  platform-install model schedule tiny 1.1.0 --at 2026-01-31T02:00 --zone Europe/Berlin --reason "tried"
  platform-install model schedule tiny 1.1.0 --window "0 2 * * sat" --minutes 120 --reason "tried"
  platform-install model schedule --list
  platform-install model schedule tiny --cancel --reason "the ward is full" """


def schedule(
    context: typer.Context,
    name: NameArgument = "",
    version: VersionArgument = "",
    at: AtOption = "",
    window: WindowOption = "",
    minutes: MinutesOption = 60,
    zone: ZoneOption = "UTC",
    reason: ReasonOption = "",
    alone: AloneOption = "",
    list_: ListOption = False,
    cancel: CancelOption = False,
    inventory: InventoryOption = None,
    state: StateOption = None,
    dry_run: RehearsalOption = None,
    output: OutputOption = None,
) -> None:
    """Agree to a release now, for a later time: the admin host lets it on then, if it waits for nothing else.

    Where it cannot be let on then, or the admin host is off, that is not caught up; `model status` says why.
    """
    from installer.cli.releases import Releases

    _require_one(name, version, [bool(at), bool(window), list_, cancel])
    reason = reason if list_ else require_reason(reason, "A schedule")
    when = None if list_ or cancel else _window(at, window, minutes, zone)
    here = site(context, inventory=inventory, state=state, dry_run=dry_run, output=output)
    releases, dry = Releases(here), bool(here.options.dry_run)
    if list_:
        found, now = releases.schedules()
        answer(here, {"schedules": found, "now": now}, show_schedules(found, now))
    elif cancel:
        ended, now = releases.cancel(name, reason, dry)
        text = (
            f"{ended.model}: {ended.version} {'would not be' if dry else 'is not'} let on at {ended.begins} any more."
        )
        answer(here, {"does": "cancel", "dry_run": dry, "schedule": ended, "now": now}, text)
    elif when is not None:
        asked: dict[str, str | bool] = {"version": version, "reason": reason, "alone": alone, "once": when.once}
        model, now = releases.schedule(name, when.moments(), dry, asked)
        begins, ends = when.moments()
        told = {"does": "schedule", "dry_run": dry, "model": model, "version": version, "begins": begins, "ends": ends}
        answer(here, {**told, "once": when.once, "now": now}, _scheduled(model, version, when, now, dry))


def show_schedules(found: Sequence[ModelSchedule], now: str) -> str:
    """Return schedules as an operator reads them; all times are in UTC."""
    clock = f"By the clock of the admin host it is {now}; all times are in UTC."
    if not found:
        return f"Nothing was ever scheduled. {clock}"
    header = ("model", "version", "from", "until", "who", "is", "why")
    return f"{table(header, [_row(one) for one in found])}\n\n{clock}"


def told(schedule: ModelSchedule) -> str:
    """Return a line on a schedule that an operator has to know of."""
    what, when = f"{schedule.model}: {schedule.version}", f"let on at {schedule.begins}"
    if schedule.outcome == "open":
        until = "" if schedule.once else f" or later, until {schedule.ends}"
        return f"{what} is to be {when}{until}, as {schedule.who} agreed"
    return f"{what} was to be {when}, as {schedule.who} agreed, and was not ({schedule.outcome}): {schedule.words}"


def _row(one: ModelSchedule) -> tuple[str, ...]:
    why = " / ".join(part for part in (one.reason, one.words) if part)
    return (f"{one.engine}/{one.model}", one.version, one.begins, one.ends, one.who, one.outcome, why)


def _scheduled(model: ModelState, version: str, when: Window, now: str, dry: bool) -> str:
    begins, ends = when.moments()
    under_way = str(model.release or "")
    what = f"{model.model}: {version} {'would be' if dry else 'is to be'} let on"
    lines = [
        f"{what} from {spelled(when.begins)}, {begins} in UTC.",
        f"The admin host's clock decides; it says {now} now. "
        + (f"It looks once; after {ends} it does not any more." if when.once else f"It looks until {ends}."),
    ]
    if under_way != version:
        lines.append(f"That version is not being released yet: {f'{under_way} is' if under_way else 'none is'} now.")
    return "\n".join(lines)


def _window(at: str, window: str, minutes: int, zone: str) -> Window:
    known = zone_of(zone)
    return at_moment(at, known) if at else next_window(window, minutes, known, datetime.now(UTC))


def _require_one(name: str, version: str, chosen: Sequence[bool]) -> None:
    _, _, list_, cancel = chosen
    if sum(chosen) != 1:
        raise UsageError(
            "A schedule wants one of --at, --window, --list and --cancel.",
            hint="See the examples: `platform-install model schedule --help`.",
        )
    wanted = 0 if list_ else 1 if cancel else 2
    if len([part for part in (name, version) if part]) != wanted:
        what = ("no model", "a model and no version", "a model and its version")[wanted]
        raise UsageError(f"This wants {what}.", hint="See the examples: `platform-install model schedule --help`.")
