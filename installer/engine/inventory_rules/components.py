"""Components: what may be left out, and what the chosen ones ask of their variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from installer.engine.inventory_rules.subject import Subject, did_you_mean, is_opaque, listed, show
from installer.errors import Problem

_WITHOUT = "platform_without"


@dataclass(frozen=True)
class Demand:
    """A choice that needs another variable.

    Attributes:
        name: the variable that chooses.
        value: the choice.
        needs: the variable it needs.
        keys: what that one must hold, when it is a mapping.
        cure: what to write.
    """

    name: str
    value: str
    needs: str
    keys: tuple[str, ...]
    cure: str


DEMANDS = (
    Demand(
        "cluster_network_announcement",
        "bgp",
        "cluster_network_bgp",
        ("local_asn", "peers"),
        "Name the site's routers: {local_asn: 64512, peers: [{address: 192.0.2.1, asn: 64500}]}.",
    ),
    Demand(
        "api_endpoint_authentication",
        "password",
        "api_endpoint_password_file",
        (),
        "Name a file of the machine the command runs on, or choose `address`.",
    ),
)
# The lowest and the highest value of numbers whose type allows more.
RANGES = {
    "api_endpoint_router_id": (1, 255),
    "cluster_network_host_prefix": (8, 30),
}


def wrongly_left_out(subject: Subject) -> Iterator[Problem]:
    """Find components that cannot be left out."""
    names = {component.name: component for component in subject.catalog}
    for name, reason in subject.left_out.items():
        where = subject.inventory.where(_WITHOUT, way=(str(name),))
        component = names.get(str(name))
        if component is None:
            optional = sorted(c.name for c in subject.catalog if c.description.optional)
            otherwise = f"Those that can be left out are {listed(optional) or 'none'}."
            cure = did_you_mean(str(name), names, otherwise)
            yield Problem(where, f"{_WITHOUT} names {name}, which is no component.", cure)
            continue
        if not component.description.optional:
            message = f"{_WITHOUT} names {name}, which every platform has."
            yield Problem(where, message, "Remove the line; its variables say what it does.")
            continue
        for other in subject.wanted:
            if component.name in other.needs:
                cure = f"Leave {other.name} out too." if other.description.optional else "Remove the line."
                yield Problem(where, f"{_WITHOUT} names {name}, which {other.name} needs.", cure)
        if not isinstance(reason, str) or not reason.strip():
            yield Problem(where, f"{_WITHOUT} gives no reason for {name}.", f"Write `{name}: why`.")


def unused_variables(subject: Subject) -> Iterator[Problem]:
    """Find variables of components that are left out."""
    for setting in subject.settings:
        spec = subject.interface.variables.get(setting.name)
        if spec is not None and spec.owner in subject.left_out and spec.owner in subject.catalog:
            place = subject.inventory.where(_WITHOUT, way=(spec.owner,))
            message = f"{setting.name} changes nothing: {spec.owner} is left out ({place})."
            yield Problem(setting.where(), message, f"Remove it, or {spec.owner} from `{_WITHOUT}`.")


def unmet_demands(subject: Subject) -> Iterator[Problem]:
    """Find choices without what they need."""
    for demand in DEMANDS:
        if subject.value(demand.name) != demand.value or is_opaque(subject.inventory.value(demand.needs)):
            continue
        found = subject.value(demand.needs)
        missing = _missing(found, demand.keys)
        if missing is None:
            continue
        what = f"{demand.needs} has no {missing}" if missing else f"{demand.needs} is not set"
        where = subject.inventory.where(demand.needs if missing else demand.name)
        yield Problem(where, f"{demand.name} is {demand.value}, and {what}.", demand.cure)


def numbers_out_of_range(subject: Subject) -> Iterator[Problem]:
    """Find numbers that the program behind them does not take."""
    for setting in subject.settings:
        lowest, highest = RANGES.get(setting.name, (0, 0))
        value = setting.value
        if highest and isinstance(value, int) and not isinstance(value, bool) and not lowest <= value <= highest:
            message = f"{setting.name} cannot be {show(value)}."
            yield Problem(setting.where(), message, f"Write a number from {lowest} to {highest}.")


def _missing(found: Any, keys: tuple[str, ...]) -> str | None:
    """Return the first key a value lacks, nothing when the value itself is empty, None when all is there."""
    if not found:
        return ""
    if not isinstance(found, Mapping):
        return None
    return next((key for key in keys if not found.get(key)), None)


RULES = (wrongly_left_out, unused_variables, unmet_demands, numbers_out_of_range)
