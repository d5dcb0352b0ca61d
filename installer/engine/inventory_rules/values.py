"""Values: of the type that is declared, among the choices, with everything they need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Any

from installer.engine.inventory_rules.subject import Subject, did_you_mean, is_opaque, is_secret, listed, show, spell
from installer.errors import Problem
from installer.model.inventory import VariableSpec, Way

_HIGHEST_PORT = 65535
# Numbers count something, all but how important something is to the scheduler.
_NUMBERS = ("int", "float")
_BELOW_ZERO = re.compile(r"_priorit(y|ies)\Z")
# Text that YAML reads as text without quotes.
_PLAIN = re.compile(r"(?!(?:no|yes|on|off|true|false|null|none)\Z)[\w{}/][\w.:/{}-]*\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """A type of values.

    Attributes:
        words: what it is called in a sentence.
        holds: whether a value is one.
        cure: what to write instead, for a value that is none.
        example: one.
    """

    words: str
    holds: Callable[[Any], bool]
    cure: Callable[[Any], str]
    example: Any


def missing_variables(subject: Subject) -> Iterator[Problem]:
    """Find variables without a default that hosts have no value of."""
    wanted = {component.name: component for component in subject.wanted}
    for spec in subject.interface.variables.values():
        if not spec.required or (spec.owner and spec.owner not in wanted):
            continue
        pattern = wanted[spec.owner].description.runs_on if spec.owner else "all"
        hosts = subject.inventory.members(pattern)
        lacking = [host for host in hosts if subject.inventory.value(spec.name, host) is None]
        nobody = subject.inventory.value(spec.name) is None and len(lacking) == len(hosts)
        written = any(setting.name == spec.name for setting in subject.inventory.settings)
        if not (lacking or nobody) or (written and nobody):
            # A name that is written without a value is told by its line.
            continue
        of_whom = "" if nobody else f" for {listed(lacking)}"
        cure = f"Write `{spec.name}: {_example(spec)}` in group_vars/all/. {spec.description}"
        yield Problem(str(subject.inventory.path), f"{spec.name} is not set{of_whom}.", cure)


def wrong_values(subject: Subject) -> Iterator[Problem]:
    """Find values of another type than declared, or not among the choices."""
    for setting in subject.settings:
        spec = subject.interface.variables.get(setting.name)
        if spec is None or _is_default(subject, spec, setting.value):
            continue
        for way, message, cure in judge(spec, setting.value):
            yield Problem(setting.where(way), message, cure)


def judge(spec: VariableSpec, value: Any, way: Way = ()) -> Iterator[tuple[Way, str, str]]:
    """Yield what is wrong with a value: the way to it, the fault and the cure.

    Args:
        spec: what it may be.
        value: what it is.
        way: the way to it inside the variable's value.
    """
    name = spell(spec.name, way)
    if is_opaque(value):
        return
    if value is None:
        otherwise = f"such as {_example(spec)}" if spec.required else "or remove the line to have the default"
        yield way, f"{name} has no value.", f"Give it one, {otherwise}."
        return
    kind = _KINDS.get(spec.type)
    if kind is not None and not kind.holds(value):
        seen = "" if is_secret(name) else f", not {show(value)}"
        yield way, f"{name} must be {kind.words}{seen}.", kind.cure(value)
        return
    if spec.type in _NUMBERS and value < 0 and not _BELOW_ZERO.search(spec.name):
        yield way, f"{name} cannot be {show(value)}.", "Write a number from 0."
    elif isinstance(value, list):
        yield from _judge_entries(spec, value, way)
    elif isinstance(value, Mapping) and spec.entries:
        yield from _judge_named(spec, value, way)
    elif isinstance(value, Mapping) and spec.options:
        yield from _judge_options(spec, value, way)
    elif spec.choices and value not in spec.choices:
        cure = did_you_mean(str(value), map(str, spec.choices), f"Write one of {listed(map(_plain, spec.choices))}.")
        yield way, f"{name} cannot be {show(value)}.", cure


def _judge_entries(spec: VariableSpec, value: list[Any], way: Way) -> Iterator[tuple[Way, str, str]]:
    entry = replace(spec, type=spec.elements or "raw", elements="", required=True)
    for index, element in enumerate(value):
        yield from judge(entry, element, (*way, index))


def _judge_named(spec: VariableSpec, value: Mapping[Any, Any], way: Way) -> Iterator[tuple[Way, str, str]]:
    entry = replace(spec, options=spec.entries, entries={}, required=True)
    for name, element in value.items():
        yield from judge(entry, element, (*way, str(name)))


def _judge_options(spec: VariableSpec, value: Mapping[Any, Any], way: Way) -> Iterator[tuple[Way, str, str]]:
    name = spell(spec.name, way)
    for key, element in value.items():
        option = spec.options.get(str(key))
        if option is None:
            cure = did_you_mean(str(key), spec.options, f"It may have {listed(spec.options)}.")
            yield (*way, str(key)), f"{name} cannot have `{key}`.", cure
        else:
            yield from judge(replace(option, name=spec.name), element, (*way, str(key)))
    for key, option in spec.options.items():
        if option.required and key not in value:
            yield way, f"{name} lacks `{key}`.", f"Add `{key}: {_example(option)}`. {option.description}".rstrip()


def _is_default(subject: Subject, spec: VariableSpec, value: Any) -> bool:
    return spec.name in subject.interface.defaults and bool(subject.interface.defaults[spec.name] == value)


def is_network(value: Any) -> bool:
    """Return whether a value is a network: an address with a prefix length, and no host bits."""
    try:
        ip_network(value)
    except (ValueError, TypeError):
        return False
    return isinstance(value, str) and "/" in value


def _is_address(value: Any) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _cure_network(value: Any) -> str:
    try:
        network = ip_network(value, strict=False)
    except (ValueError, TypeError):
        return "Write an address and a prefix length, such as 192.0.2.0/24."
    if "/" in str(value):
        return f"It has bits set behind its prefix: write {network}."
    return f"Write the prefix length too, such as {network.network_address}/24."


def _cure_number(value: Any) -> str:
    return f"Write it without quotes: {value}." if str(value).isdigit() else "Write a number, without quotes."


def _cure_truth(value: Any) -> str:
    word = str(value).lower()
    if word in ("true", "yes", "on", "false", "no", "off"):
        return f"Write it without quotes: {'true' if word in ('true', 'yes', 'on') else 'false'}."
    return "Write true or false."


def _cure_text(value: Any) -> str:
    if isinstance(value, list | Mapping):
        return "Write one value on one line."
    if isinstance(value, bool):
        return f'Put it in quotes, such as "{"yes" if value else "no"}": without them YAML reads {show(value)}.'
    return f'Put it in quotes, such as "{value}": without them YAML reads a number, and 1.30 becomes 1.3.'


def _cure_list(value: Any) -> str:
    return "Begin each entry with a dash." if isinstance(value, Mapping) else f"Write [{_plain(value)}]."


def _plain(value: Any) -> str:
    """Return a value as one may write it in YAML."""
    return value if isinstance(value, str) and _PLAIN.match(value) else show(value)


def _example(spec: VariableSpec) -> str:
    if spec.choices:
        return _plain(spec.choices[0])
    kind = _KINDS.get(spec.elements if spec.type == "list" else spec.type)
    example = _plain(kind.example) if kind else "…"
    return f"[{example}]" if spec.type == "list" else example


_KINDS: Mapping[str, Kind] = {
    "str": Kind("text", lambda value: isinstance(value, str), _cure_text, "name"),
    "path": Kind("a path", lambda value: isinstance(value, str), _cure_text, "/srv/platform"),
    "int": Kind("a whole number", _is_whole, _cure_number, 1),
    "float": Kind("a number", _is_number, _cure_number, 0.5),
    "bool": Kind("true or false", lambda value: isinstance(value, bool), _cure_truth, True),
    "list": Kind("a list", lambda value: isinstance(value, list), _cure_list, "[]"),
    "dict": Kind(
        "a mapping", lambda value: isinstance(value, Mapping), lambda _: "Write `name: value` below it.", "{}"
    ),
    "address": Kind("an address", _is_address, lambda _: "Write an address, such as 192.0.2.10.", "192.0.2.10"),
    "network": Kind("a network", is_network, _cure_network, "192.0.2.0/24"),
    "port": Kind(
        f"a port, 1 to {_HIGHEST_PORT}",
        lambda value: _is_whole(value) and 1 <= value <= _HIGHEST_PORT,
        lambda value: _cure_number(value) if isinstance(value, str) else f"Write a number up to {_HIGHEST_PORT}.",
        443,
    ),
}

RULES = (missing_variables, wrong_values)
