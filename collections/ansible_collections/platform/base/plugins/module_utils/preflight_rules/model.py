"""What a rule is given, what it asks, and what it finds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any, NamedTuple

Facts = Mapping[str, Any]
AllFacts = Mapping[str, Facts]
Questions = dict[str, list[str]]


class Finding(NamedTuple):
    """Something that does not hold on a host: what was found, and what to do about it."""

    message: str
    cure: str


class HostFinding(NamedTuple):
    """Something that does not hold on one host in the company of others."""

    host: str
    message: str
    cure: str


class Unanswered(Exception):
    """A rule needs what a host was never asked."""


class WrongCheck(Exception):
    """A role names a check that there is not, or gives it what it does not take."""


Asks = Callable[[Mapping[str, Any]], Questions]


def asks_nothing(_given: Mapping[str, Any]) -> Questions:
    """Return no questions: what every host tells of itself is enough."""
    return {}


def asks_for(kind: str, parameter: str) -> Asks:
    """Return what asks for each entry of a parameter; the parameter may be left out."""
    return lambda given: {kind: [str(entry) for entry in _entries(given.get(parameter))]}


def asks_always(kind: str, *items: str) -> Asks:
    """Return what asks the same whatever the parameters are."""
    return lambda _given: {kind: list(items)}


def _entries(value: Any) -> Iterable[Any]:
    return [value] if isinstance(value, str) and value else value or ()


@dataclass(frozen=True)
class Check:
    """A rule, and the questions a host must have answered before it can be judged.

    Attributes:
        rule: takes facts and the check's parameters.
        asks: takes the parameters alone.
        warns: what it finds is worth knowing, and stops nothing.
    """

    rule: Callable[..., Iterable[Any]]
    asks: Asks = asks_nothing
    warns: bool = False

    @property
    def id(self) -> str:
        """Return the name roles call the check by."""
        return self.rule.__name__

    @property
    def protects(self) -> str:
        """Return in a sentence what the check protects."""
        return (inspect.getdoc(self.rule) or "").splitlines()[0]


def answer(facts: Facts, kind: str, item: str) -> Any:
    """Return a host's answer.

    Raises:
        Unanswered: the host was not asked.
    """
    answers = facts["answers"].get(kind, {})
    if item not in answers:
        raise Unanswered(f"{kind}: {item}")
    return answers[item]


def interface_of(facts: Facts, address: str) -> Mapping[str, Any] | None:
    """Return the interface that has an address, or None."""
    wanted = ip_address(address)
    for link in facts["interfaces"]:
        if any(ip_interface(entry).ip == wanted for entry in link["addresses"]):
            found: Mapping[str, Any] = link
            return found
    return None


def network_of(facts: Facts, address: str) -> Any:
    """Return the network a host's address is on, or None when the host does not have it."""
    wanted = ip_address(address)
    entries = [ip_interface(entry) for link in facts["interfaces"] for entry in link["addresses"]]
    return next((entry.network for entry in entries if entry.ip == wanted), None)


def addresses_in(facts: Facts, networks: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Return the host's addresses that are on some networks, each with its interface."""
    wanted = [ip_network(network) for network in networks]
    found = {}
    for link in facts["interfaces"]:
        for entry in link["addresses"]:
            address = ip_interface(entry).ip
            if any(address in network for network in wanted):
                found[str(address)] = link
    return found


def version_of(text: str) -> tuple[int, ...]:
    """Return a version's leading numbers, to compare."""
    numbers: list[int] = []
    for part in text.removeprefix("v").replace("-", ".").replace("+", ".").split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def listed(items: Iterable[Any], most: int = 6) -> str:
    """Return items in a sentence, cut short when there are many."""
    words = [str(item) for item in items]
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
