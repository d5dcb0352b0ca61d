"""Rules of Falco: what is wrong with them, and what they pass over."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.platform.base.plugins.module_utils.detection_rules import faults

DOCUMENTATION = r"""
name: detection_faults
short_description: All that is wrong with files of rules
options:
  _input: {description: "Files of rules, content by name.", type: dict, required: true}
  known: {description: "Fields and events that there are.", type: dict, required: true}
"""

_ADDRESS = re.compile(r"https://[^/\s]+$")
_SAYS = {"rule", "name", "reason", "fields"}


def detection_faults(files: Mapping[str, str], known: Mapping[str, Any]) -> list[str]:
    """Return all that is wrong with files of rules, each with where it is."""
    return faults(files, known)


def detection_exceptions(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return a file of rules that adds to rules what they pass over.

    Raises:
        AnsibleFilterError: an entry says too little, or too much.
    """
    by_rule: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        if not _SAYS <= entry.keys() <= {*_SAYS, "comparisons"} or not entry["reason"] or not entry["fields"]:
            raise AnsibleFilterError(
                f"An exception has {', '.join(sorted(_SAYS))}, and may have comparisons: {dict(entry)}."
            )
        by_rule.setdefault(str(entry["rule"]), []).append(_exception(entry))
    documents = [
        {"rule": rule, "exceptions": found, "override": {"exceptions": "append"}} for rule, found in by_rule.items()
    ]
    return yaml.safe_dump(documents, sort_keys=False, width=160) if documents else "[]\n"


def _exception(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an exception as Falco reads it: one value of each field must be the event's."""
    fields, how = entry["fields"], entry.get("comparisons") or {}
    if strangers := sorted(set(how) - set(fields)):
        raise AnsibleFilterError(
            f"The exception {entry['name']} compares {', '.join(strangers)}, which it does not name."
        )
    return {
        "name": str(entry["name"]),
        "fields": [str(name) for name in fields],
        "comps": [str(how.get(name, "in")) for name in fields],
        # A comparison with one value takes it as it is, and several by several entries.
        "values": _values([(how.get(name, "in"), values) for name, values in fields.items()]),
    }


def _values(compared: Sequence[tuple[str, Sequence[Any]]]) -> list[list[Any]]:
    found: list[list[Any]] = [[]]
    for comparison, values in compared:
        texts = [str(value) for value in values]
        choices: list[Any] = [texts] if comparison in ("in", "pmatch", "intersects") else texts
        found = [[*begun, choice] for begun in found for choice in choices]
    return found


def detection_output_faults(outputs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with where alerts go, by the settings that say it; one that is empty says nothing."""
    found = []
    for name, output in outputs.items():
        urls = output.get("urls", [output["url"]] if "url" in output else [])
        if output and not urls:
            found.append(f"`{name}` says no address.")
        if output and not (output.get("namespace") or output.get("networks")):
            found.append(f"`{name}` says neither the `namespace` nor the `networks` that alerts may go to.")
        found += [
            f"`{name}`: {url} is not https://NAME or https://NAME:PORT." for url in urls if not _ADDRESS.match(url)
        ]
    return found


class FilterModule:
    """Filters over rules."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            "detection_exceptions": detection_exceptions,
            "detection_faults": detection_faults,
            "detection_output_faults": detection_output_faults,
        }
