"""Files of Falco's rules: read together as Falco reads them, and held against what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from ansible_collections.platform.base.plugins.module_utils.detection_conditions import (
    EXISTS,
    LISTS,
    OPERATORS,
    ORDERS,
    Check,
    Group,
    Macro,
    Names,
    Node,
    Not,
    WrongCondition,
    holds,
    parts,
    read,
)

PRIORITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug")
_KEYS: Mapping[str, frozenset[str]] = {
    "list": frozenset({"list", "items", "override"}),
    "macro": frozenset({"macro", "condition", "override"}),
    "rule": frozenset(
        {
            *("rule", "desc", "condition", "output", "priority", "tags", "source", "enabled", "exceptions", "override"),
            *("capture", "capture_duration", "warn_evttypes", "skip-if-unknown-filter"),
        }
    ),
}
# What a later entry may add to; everything else it may only replace.
_ADDED = frozenset({"items", "condition", "output", "desc", "tags", "exceptions"})
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "list": ("items",),
    "macro": ("condition",),
    "rule": ("desc", "condition", "output", "priority"),
}
_IN_OUTPUT = re.compile(r"%([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)(?:\[([^\]]+)\])?")
_ARGUMENTS = ("evt.arg.", "evt.rawarg.")
# What is written like a list's name and without quotes.
_LIKE_A_LIST = re.compile(r"[a-z]+(_[a-z]+)+")


@dataclass
class Rules:
    """Everything that files say, by its kind and name; what is wrong with it is told, not raised."""

    items: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {kind: {} for kind in _KEYS})
    conditions: dict[str, dict[str, Node]] = field(default_factory=lambda: {"macro": {}, "rule": {}})
    faults: list[str] = field(default_factory=list)

    @property
    def names(self) -> Names:
        """Return what conditions may name, lists with what they hold of each other."""
        known = {name: item.get("items") or [] for name, item in self.items["list"].items()}
        return Names(self.conditions["macro"], {name: list(_items(name, known, ())) for name in known})

    def matching(self, event: Mapping[str, Any]) -> list[str]:
        """Return the rules that an event, given as values by field, triggers."""
        names = self.names
        return [
            name
            for name, node in self.conditions["rule"].items()
            if holds(node, event, names)
            and not any(passes_over(entry, event, names) for entry in self.exceptions(name).values())
        ]

    def exceptions(self, rule: str) -> dict[str, dict[str, Any]]:
        """Return what a rule passes over, by name."""
        found = self.items["rule"][rule].get("exceptions") or []
        return {str(entry.get("name")): spelled_out(entry) for entry in found}


def spelled_out(exception: Mapping[str, Any]) -> dict[str, Any]:
    """Return an exception as one of a list of fields, where it is about one field and its values."""
    if not isinstance(exception.get("fields"), str):
        return dict(exception)
    comparison = exception.get("comps", "in")
    return {**exception, "fields": [exception["fields"]], "comps": [comparison], "values": [[exception.get("values")]]}


def passes_over(exception: Mapping[str, Any], event: Mapping[str, Any], names: Names) -> bool:
    """Return whether an exception is about an event."""
    fields, comparisons = exception["fields"], exception.get("comps") or ["="] * len(exception["fields"])
    return any(
        all(
            holds(_compared(name, comparison, value), event, names)
            for name, comparison, value in zip(fields, comparisons, values, strict=True)
        )
        for values in exception.get("values") or []
    )


def _compared(name: str, comparison: str, value: Any) -> Node:
    wanted = ", ".join(f'"{item}"' for item in (value if isinstance(value, list) else [value]))
    return read(f"{name} {comparison} ({wanted})" if comparison in LISTS else f"{name} {comparison} {wanted}")


def _items(name: str, known: Mapping[str, list[Any]], seen: tuple[str, ...]) -> Iterator[str]:
    for item in known[name]:
        if str(item) in known and str(item) not in (*seen, name):
            yield from _items(str(item), known, (*seen, name))
        else:
            yield str(item)


def load(files: Mapping[str, str]) -> Rules:
    """Return what files say together, read one after another by name, with the faults of their form."""
    rules = Rules()
    for name in sorted(files):
        try:
            entries = yaml.safe_load(files[name]) or []
        except yaml.YAMLError as error:
            rules.faults.append(f"{name}: it is no YAML: {' '.join(str(error).split())}")
            continue
        if not isinstance(entries, list):
            rules.faults.append(f"{name}: it is no list of rules, macros and lists")
            continue
        for entry in entries:
            rules.faults += [f"{name}: {fault}" for fault in _take(entry, rules)]
    for kind in ("macro", "rule"):
        for name, entry in rules.items[kind].items():
            try:
                rules.conditions[kind][name] = read(str(entry.get("condition", "")))
            except WrongCondition as error:
                rules.faults.append(f"{kind} {name}: {error}")
    return rules


def _take(entry: Any, rules: Rules) -> Iterator[str]:
    """Take one entry in, and yield what is wrong with its form."""
    kind = next((kind for kind in _KEYS if isinstance(entry, dict) and kind in entry), None)
    if kind is None:
        if not (isinstance(entry, dict) and entry.keys() & {"required_engine_version", "required_plugin_versions"}):
            yield f"an entry is neither a rule nor a macro nor a list: {str(entry)[:60]}"
        return
    name, known = str(entry[kind]), rules.items[kind]
    for key in sorted(entry.keys() - _KEYS[kind]):
        yield f"{kind} {name}: there is no `{key}`"
    if "override" in entry:
        yield from _changed(kind, name, entry, known)
        return
    for key in _NEEDED[kind]:
        if key not in entry:
            yield f"{kind} {name}: `{key}` is missing"
    if name in known:
        yield f"{kind} {name}: it is there twice; `override` says how one changes the other"
    known[name] = dict(entry)


def _changed(kind: str, name: str, entry: Mapping[str, Any], known: dict[str, dict[str, Any]]) -> Iterator[str]:
    if name not in known:
        yield f"{kind} {name}: it changes one that there is not, or that comes later"
        return
    for key, how in entry["override"].items():
        old, new = known[name].get(key), entry.get(key)
        if how not in ("append", "replace") or new is None or (how == "append" and key not in _ADDED):
            yield f"{kind} {name}: `override` of `{key}` says what to append or replace, and the entry holds it"
        elif how == "append" and isinstance(new, list):
            known[name][key] = [*(old or []), *new]
        elif how == "append":
            known[name][key] = f"{old} {new}"
        else:
            known[name][key] = new


def faults(files: Mapping[str, str], known: Mapping[str, Any]) -> list[str]:
    """Return all that is wrong with files of rules, each with where it is.

    Args:
        files: content by name.
        known: `fields` and `events` that there are, as the role's `files/fields.yml` has them.
    """
    rules = load(files)
    names, found = rules.names, list(rules.faults)
    for kind, conditions in rules.conditions.items():
        for name, node in conditions.items():
            found += [f"{kind} {name}: {fault}" for fault in _node_faults(node, names, known)]
    for name, node in rules.conditions["rule"].items():
        found += [f"rule {name}: {fault}" for fault in _rule_faults(rules.items["rule"][name], known)]
        if not found and not event_types(node, names, frozenset(known["events"])) < frozenset(known["events"]):
            found.append(f"rule {name}: it says of no event that it is about that one; Falco would ask it of every one")
    return found


def _node_faults(node: Node, names: Names, known: Mapping[str, Any]) -> Iterator[str]:
    for part in parts(node):
        if isinstance(part, Check):
            yield from _check_faults(part, names, known)
        elif part.name not in names.macros:
            yield f"there is no macro `{part.name}`"
        elif _goes_round(part.name, names, ()):
            yield f"the macro `{part.name}` names itself"


def _goes_round(name: str, names: Names, seen: tuple[str, ...]) -> bool:
    if name in seen:
        return True
    inner = [part.name for part in parts(names.macros[name]) if isinstance(part, Macro)]
    return any(_goes_round(other, names, (*seen, name)) for other in inner if other in names.macros)


def field_faults(name: str, argument: str, known: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the name of a field, and with its argument."""
    if name.startswith(_ARGUMENTS):
        wanted = name.split(".", 2)[2]
        if not any(wanted in arguments for arguments in known["events"].values()):
            yield f"no event has an argument `{wanted}`"
        return
    if name not in known["fields"]:
        yield f"there is no field `{name}`"
        return
    rule = known["fields"][name].get("argument")
    if argument and rule is None:
        yield f"the field `{name}` takes no argument"
    if not argument and rule == "required":
        yield f"the field `{name}` wants an argument, as `{name}[NAME]`"


def _check_faults(check: Check, names: Names, known: Mapping[str, Any]) -> Iterator[str]:
    if wrong := list(field_faults(check.field, check.argument, known)):
        yield from wrong
        return
    kind = "text" if check.changes else known["fields"].get(check.field, {}).get("type", "text")
    if check.operator in ORDERS and kind != "number" and "len" not in check.changes:
        yield f"`{check.operator}` compares numbers, and `{check.field}` is none"
    values = names.texts(check.values)
    if kind == "number" and check.operator != EXISTS:
        yield from (f"`{value}` is no number, as `{check.field}` is" for value in values if not _is_number(value))
    if kind == "boolean" and check.operator != EXISTS:
        yield from (f"`{value}` is neither true nor false" for value in values if value not in ("true", "false"))
    if check.field == "evt.type":
        yield from (f"there is no event `{value}`" for value in values if value not in known["events"])
    elif check.operator in LISTS:
        for value in check.values:
            if not value.quoted and value.text not in names.lists and _LIKE_A_LIST.fullmatch(value.text):
                yield f"there is no list `{value.text}`; a value is written with quotes"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.\d+)?|0x[0-9a-f]+", text, re.IGNORECASE) is not None


def _rule_faults(rule: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    if str(rule.get("priority", "")).lower() not in PRIORITIES:
        yield f"there is no priority `{rule.get('priority')}`"
    for match in _IN_OUTPUT.finditer(str(rule.get("output", ""))):
        yield from (f"output: {fault}" for fault in field_faults(match[1], match[2] or "", known))
    named: set[str] = set()
    for entry in rule.get("exceptions") or []:
        name = str(entry.get("name"))
        yield from (f"exception {name}: {fault}" for fault in _exception_faults(spelled_out(entry), known))
        if name in named:
            yield f"exception {name}: there is another of that name"
        named.add(name)


def _exception_faults(entry: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    fields, comparisons = entry.get("fields") or [], entry.get("comps")
    if not entry.get("name") or not fields or not entry.get("values"):
        yield "it has a name, fields and values"
        return
    for name in fields:
        yield from field_faults(name, "", known)
    if comparisons is not None and len(comparisons) != len(fields):
        yield "it compares each field once"
    for comparison in comparisons or []:
        if comparison not in OPERATORS:
            yield f"there is no operator `{comparison}`"
    if any(len(values) != len(fields) for values in entry["values"]):
        yield "it has a value for each field"


def event_types(node: Node, names: Names, every: frozenset[str]) -> frozenset[str]:
    """Return the events that a condition may hold for."""
    if isinstance(node, Macro):
        return event_types(names.macro(node.name), names, every)
    if isinstance(node, Not):
        inner = node.inner
        known = isinstance(inner, Check) and inner.field == "evt.type"
        return every - event_types(inner, names, every) if known else every
    if isinstance(node, Group):
        found = [event_types(part, names, every) for part in node.parts]
        return frozenset.intersection(*found) if node.word == "and" else frozenset.union(*found)
    if node.field != "evt.type" or node.operator not in ("=", "==", "in"):
        return every
    return frozenset(names.texts(node.values))
