"""How a site fares: hosts, components, versions, the last run, and what ends by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import typer

from installer.cli.commands.common import again, answer, selection, site
from installer.cli.console import duration, table
from installer.cli.options import (
    InventoryOption,
    LimitOption,
    OfflineOption,
    OnlyOption,
    OutputOption,
    SkipOption,
    StateOption,
)
from installer.model.report import Expiry
from installer.model.status import Health, HostStatus, SiteStatus

_NAMED_A_DAY = 3


def run(
    context: typer.Context,
    inventory: InventoryOption = None,
    state: StateOption = None,
    only: OnlyOption = None,
    skip: SkipOption = None,
    limit: LimitOption = None,
    offline: OfflineOption = False,
    output: OutputOption = None,
) -> None:
    """Show hosts, components, versions, health, the last run, and what ends by itself; nothing is changed."""
    from installer.cli.statuses import Statuses

    here = site(context, inventory=inventory, state=state, only=only, skip=skip, limit=limit, output=output)
    found = Statuses(here).look(selection(here), here.options.limit or "", offline)
    answer(here, {"healthy": found.healthy, **vars(found)}, show_status(found, again(here)))


def show_status(found: SiteStatus, install: str) -> str:
    """Return a site's status as an operator reads it.

    Args:
        install: the command that installs the site.
    """
    return "\n".join(_lines(found, install))


def _lines(found: SiteStatus, install: str) -> Iterator[str]:
    yield _headline(found, install)
    if found.busy:
        yield f"at work: {found.busy}"
    if run := found.last_run:
        ended = f"{run['outcome']} at {run['ended']}" if run["ended"] else "not ended: it works still, or was killed"
        bundle = f", bundle {run['bundle']}" if run["bundle"] else ""
        yield f"last run: {run['command']}, begun {run['began']}, {ended}{bundle}"
    if found.cluster is not None:
        yield f"Kubernetes API: {'answers' if found.cluster else 'DOES NOT ANSWER'}"
    yield ""
    header = ("host", "address", "groups", "is", "node", "up for", "system")
    yield table(header, [_host_row(host) for host in found.hosts])
    yield from (f"  {host.name}: {host.problem}" for host in found.hosts if host.problem)
    yield ""
    rows = [
        (item.name, item.version or "-", item.health.value, item.verified or "-", " ".join(item.hosts) or "-")
        for item in found.components
    ]
    yield table(("component", "version", "is", "verified", "hosts"), rows)
    if found.expiries:
        yield ""
        yield table(("ends on", "what"), [(day, _few(names)) for day, names in _by_day(found.expiries)])


def _by_day(expiries: Iterable[Expiry]) -> Iterator[tuple[str, list[str]]]:
    """Yield each day with what ends on it; certificates of hosts come last, for there are many."""
    for day, ending in groupby(expiries, key=lambda expiry: expiry.on):
        yield day, sorted((expiry.what for expiry in ending), key=lambda what: (what.startswith("/"), what))


def _few(names: Sequence[str]) -> str:
    more = f", and {len(names) - _NAMED_A_DAY} more" if len(names) > _NAMED_A_DAY else ""
    return ", ".join(names[:_NAMED_A_DAY]) + more


def _headline(found: SiteStatus, install: str) -> str:
    if not found.installed:
        return f"{found.site}: nothing was installed yet, by this state directory. Install with: {install}"
    if found.healthy:
        return f"{found.site}: good{'' if found.asked else ', by what is written down; no host was asked'}"
    fares = [(item.name, item.health) for item in found.hosts] + [(item.name, item.health) for item in found.components]
    unwell = [name for name, health in fares if health not in (Health.GOOD, Health.UNKNOWN)]
    return f"{found.site}: NOT GOOD: {', '.join(unwell) or 'the API does not answer'}"


def _host_row(host: HostStatus) -> tuple[str, ...]:
    uptime = duration(host.uptime_seconds) if host.uptime_seconds else "-"
    return (
        host.name,
        host.address,
        " ".join(host.groups),
        host.health.value,
        host.node or "-",
        uptime,
        host.system or "-",
    )
