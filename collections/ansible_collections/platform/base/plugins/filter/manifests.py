"""Shape what a program printed to be applied to a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

DOCUMENTATION = r"""
name: overlaid
short_description: Objects with what a site says of some of them
options:
  _input: {description: The objects., type: list, elements: dict, required: true}
  overlays: {description: "What goes over an object, by C(KIND/NAME).", type: dict, required: true}
"""


def printed(text: str, kinds: Sequence[str] = (), without: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the objects of a text, those of lists too, without what a server fills in.

    Args:
        text: documents, as a program printed them.
        kinds: the only kinds wanted; all of them when there is none.
        without: kinds that are not wanted.
    """
    objects = [
        item
        for document in yaml.safe_load_all(text)
        if document
        for item in (document["items"] if document.get("kind") == "List" else [document])
    ]
    wanted = [item for item in objects if item["kind"] not in without and (not kinds or item["kind"] in kinds)]
    return [_given(item) for item in wanted]


def overlaid(objects: Sequence[Mapping[str, Any]], overlays: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return objects with their overlays: lists of things with names are merged by name, other lists are replaced.

    Raises:
        ValueError: an overlay is for an object that there is not.
    """
    names = [f"{item['kind']}/{item['metadata']['name']}" for item in objects]
    if unknown := sorted(set(overlays) - set(names)):
        raise ValueError(f"Nothing is called {', '.join(unknown)}; there are {', '.join(sorted(names))}.")
    return [_merged(item, overlays.get(name, {})) for name, item in zip(names, objects, strict=True)]


def _given(item: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the empty status and time of creation that Go's types print."""
    found = {key: value for key, value in item.items() if key != "status"}
    found["metadata"] = {key: value for key, value in item["metadata"].items() if key != "creationTimestamp"}
    return found


def _merged(under: Any, over: Any) -> Any:
    if isinstance(under, Mapping) and isinstance(over, Mapping):
        return {
            **under,
            **{key: _merged(under[key], value) if key in under else value for key, value in over.items()},
        }
    if _are_named(under) and _are_named(over):
        known = {entry["name"]: entry for entry in under}
        merged = {entry["name"]: _merged(known.get(entry["name"], {}), entry) for entry in over}
        return list({**known, **merged}.values())
    return over


def _are_named(value: Any) -> bool:
    return isinstance(value, Sequence) and all(isinstance(entry, Mapping) and "name" in entry for entry in value)


class FilterModule:
    """Filters over manifests."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"overlaid": overlaid, "printed": printed}
