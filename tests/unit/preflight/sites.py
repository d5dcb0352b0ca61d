"""A site of made-up hosts, and the faults that are put into it."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.registry import Problem, compare, judge

_HERE = Path(__file__).parent


@functools.cache
def faults() -> tuple[dict[str, Any], ...]:
    """Return every fault, of all files."""
    return tuple(fault for path in sorted((_HERE / "faults").glob("*.yml")) for fault in _read(path))


@functools.cache
def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


class Site:
    """Hosts with their facts, and what is wanted of each."""

    def __init__(self) -> None:
        document = _read(_HERE / "good_site.yml")
        self.facts: dict[str, Any] = {}
        self.wanted: dict[str, dict[str, Any]] = {}
        for name, words in document["hosts"].items():
            known = {"NAME": name, **words}
            self.facts[name] = _filled(copy.deepcopy(document["facts"]), known)
            self.wanted[name] = _filled(copy.deepcopy(document["checks"]), known)

    def break_by(self, fault: Mapping[str, Any]) -> None:
        """Put a fault in."""
        host = fault.get("host", "node1")
        for name, changes in {host: fault.get("set", []), **fault.get("also", {})}.items():
            for way, value in changes:
                target = self.facts[name]
                for step in way[:-1]:
                    target = target[step]
                target[way[-1]] = copy.deepcopy(value)
        for wanted in self.wanted.values():
            wanted.update(copy.deepcopy(fault.get("others", {})))
        self.wanted[host][fault["check"]].update(fault.get("want", {}))

    def problems(self) -> list[Problem]:
        """Return everything that every check finds."""
        found = [problem for name, facts in self.facts.items() for problem in judge(self.wanted[name], name, facts)]
        return [*found, *compare(self.wanted["node1"], self.facts)]


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    """Return a value with the words that stand between at signs filled in."""
    if isinstance(value, dict):
        return {_filled(key, words): _filled(entry, words) for key, entry in value.items()}
    if isinstance(value, list):
        return [_filled(entry, words) for entry in value]
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace(f"@{name}@", word)
    return value
