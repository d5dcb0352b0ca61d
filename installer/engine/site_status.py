"""How a site fares, from what the journal knows and what hosts said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from installer.engine.graph import deployment_order
from installer.model.catalog import Catalog
from installer.model.inventory import Host, Inventory
from installer.model.report import Expiry
from installer.model.status import ComponentStatus, Health, HostAnswer, HostStatus

_NO_ANSWER = "It did not answer in time."
_REPORTED = "_expires"


@dataclass(frozen=True)
class Record:
    """What the journal knows.

    Attributes:
        components: rows of name, version, deployed, verified, since.
        steps: the last step of each component and verb: component, verb, ended, ok, results.
    """

    components: Sequence[Mapping[str, Any]] = ()
    steps: Sequence[Mapping[str, Any]] = ()
    last_run: Mapping[str, Any] | None = None


def component_statuses(
    catalog: Catalog, inventory: Inventory, record: Record, versions: Mapping[str, str], chosen: Iterable[str]
) -> tuple[ComponentStatus, ...]:
    """Return how components fare, in deployment order; one that the inventory no longer wants comes last."""
    rows = {row["name"]: row for row in record.components}
    last = {(step["component"], step["verb"]): step for step in record.steps}
    wanted = set(chosen)
    order = [component.name for component in deployment_order(catalog, catalog.names) if component.name in wanted]
    found = []
    for name in [*order, *(name for name in rows if name not in catalog)]:
        hosts = inventory.members(catalog[name].description.runs_on) if name in catalog else ()
        row, verify = rows.get(name), last.get((name, "verify"))
        if row is None:
            found.append(ComponentStatus(name, versions.get(name, ""), Health.ABSENT, hosts))
            continue
        verified = str(verify["ended"]) if verify is not None and row["verified"] else ""
        version = str(row["version"] or versions.get(name, ""))
        found.append(ComponentStatus(name, version, _health(row, verify), hosts, str(row["since"]), verified))
    return tuple(found)


def _health(row: Mapping[str, Any], verify: Mapping[str, Any] | None) -> Health:
    if row["deployed"] and row["verified"]:
        return Health.GOOD
    failed = verify is not None and not verify["ok"] and str(verify["ended"]) >= str(row["since"])
    return Health.FAILED if failed else Health.UNFINISHED


def host_statuses(
    inventory: Inventory, names: Iterable[str], answers: Mapping[str, HostAnswer] | None
) -> tuple[HostStatus, ...]:
    """Return how hosts fare.

    Args:
        answers: by host; a host that is missing did not answer. None when nobody was asked.
    """
    nodes = _cluster(answers or {}).get("nodes", {})
    return tuple(_host(inventory.hosts[name], answers, nodes.get(name)) for name in names)


def _host(host: Host, answers: Mapping[str, HostAnswer] | None, node: Mapping[str, Any] | None) -> HostStatus:
    about = (host.name, host.address, tuple(sorted(host.groups)))
    if answers is None:
        return HostStatus(*about, Health.UNKNOWN)
    answer = answers.get(host.name, HostAnswer(problem=_NO_ANSWER))
    if answer.problem:
        return HostStatus(*about, Health.UNREACHABLE, answer.problem)
    problems = [f"{unit} failed." for unit in answer.said.get("failed_units", ())]
    if node is not None and not node["ready"]:
        problems.append("The node is not ready.")
    problems += [f"The node says {trouble}." for trouble in (node or {}).get("troubles", ())]
    return HostStatus(
        *about,
        health=Health.FAILED if problems else Health.GOOD,
        problem=" ".join(problems),
        system=str(answer.said.get("system", "")),
        kernel=str(answer.said.get("kernel", "")),
        uptime_seconds=int(answer.said.get("uptime_seconds", 0)),
        node=str(node["version"]) if node is not None else "",
    )


def cluster_answers(answers: Mapping[str, HostAnswer]) -> bool | None:
    """Return whether the API answers; None when no host could ask it."""
    found = _cluster(answers)
    return bool(found["answers"]) if found else None


def _cluster(answers: Mapping[str, HostAnswer]) -> Mapping[str, Any]:
    """Return what the host that sees most of the cluster says of it."""
    views: list[Mapping[str, Any]] = [
        answer.said["cluster"] for answer in answers.values() if answer.said.get("cluster")
    ]
    return max(views, key=lambda view: (bool(view.get("answers")), len(view.get("nodes", {}))), default={})


def expiries_of(record: Record, answers: Mapping[str, HostAnswer], known: Mapping[str, str]) -> tuple[Expiry, ...]:
    """Return what ends by itself, the soonest first; of certificates that many hosts have, the first to end.

    Args:
        known: days by name, from the state folder.
    """
    days = dict(known)
    by_path: dict[str, tuple[str, str]] = {}
    for host, answer in answers.items():
        for path, end in answer.said.get("certificates", {}).items():
            by_path[path] = min(by_path.get(path, (end, host)), (end, host))
    days.update({f"{path} on {host}": end[:10] for path, (end, host) in by_path.items()})
    if not by_path:
        days.update(_reported(record.steps))
    return tuple(sorted((Expiry(what, day) for what, day in days.items()), key=lambda expiry: (expiry.on, expiry.what)))


def _reported(steps: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the ends that verifications reported when they last ran, the first of all hosts."""
    found: dict[str, str] = {}
    for step in steps:
        for host_results in (step.get("results") or {}).values():
            for name, value in host_results.items():
                if name.endswith(_REPORTED):
                    what = f"{name.removesuffix(_REPORTED).replace('_', ' ')} ({step['component']})"
                    found[what] = min(found.get(what, _day(str(value))), _day(str(value)))
    return found


def _day(text: str) -> str:
    """Return the day of a time in ISO 8601, or as openssl writes it: `Nov 21 10:20:30 2027 GMT`."""
    try:
        return datetime.strptime(" ".join(text.split()), "%b %d %H:%M:%S %Y GMT").date().isoformat()
    except ValueError:
        return text[:10]
