"""Shape policies of Gatekeeper for the environments of a site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import yaml

DOCUMENTATION = r"""
name: constraints
short_description: A policy's constraint for each environment, with what becomes of those who violate it
options:
  _input: {description: "A constraint for each policy, by the policy's name.", type: dict, required: true}
  platform: {description: "Namespaces of the platform, as patterns.", type: list, elements: str, required: true}
  actions: {description: C(deny), C(warn) or C(dryrun) by environment., type: dict, required: true}
  policy_actions: {description: The same for single policies., type: dict, required: true}
  parameters: {description: What constraints do not say of themselves, by policy., type: dict, required: true}
  exempt: {description: "What is exempt, by policy, as C(exemptions) returns it.", type: dict, required: true}
"""

LABEL = "platform.internal/environment"
# The environment of whoever does not say which.
STRICTEST = "prod"
STRICTEST_ACTION = "deny"
_MADE = {"platform.internal/part-of": "gatekeeper"}


def exemptions(components: Mapping[str, Any], extra: Sequence[Mapping[str, Any]] = ()) -> dict[str, list[Any]]:
    """Return what components and a site exempt, by policy; what names no namespace is in its component's.

    Args:
        extra: the site's own, which name their namespace.
    """
    found: dict[str, list[Any]] = {}
    declared = [
        {"namespace": component.get("namespace", ""), **entry}
        for component in components.values()
        for entry in component.get("exemptions", [])
    ]
    for entry in [*declared, *extra]:
        for policy in entry["policies"]:
            found.setdefault(policy, []).extend(
                {"namespace": entry.get("namespace") or "", "name": name, "reason": entry["reason"]}
                for name in entry["names"]
            )
    return found


def constraints(
    policies: Mapping[str, Any],
    platform: Sequence[str],
    actions: Mapping[str, str],
    policy_actions: Mapping[str, Mapping[str, str]],
    parameters: Mapping[str, Any],
    exempt: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return each policy's constraints: for each environment, for the platform, and for what has no namespace.

    Raises:
        ValueError: something is said of a policy that there is not.
    """
    for said in (policy_actions, parameters, exempt):
        if unknown := sorted(set(said) - set(policies)):
            raise ValueError(f"There is no policy {', '.join(unknown)}; there are {', '.join(sorted(policies))}.")
    return [
        {
            **policies[policy],
            "metadata": {"name": f"{policies[policy]['metadata']['name']}-{place}", "labels": _MADE},
            "spec": {
                "enforcementAction": {**actions, **policy_actions.get(policy, {})}.get(place, STRICTEST_ACTION),
                "match": {**policies[policy]["spec"]["match"], **match},
                "parameters": {
                    **policies[policy]["spec"].get("parameters", {}),
                    # What a site asks of its teams is not asked of the platform.
                    **(parameters.get(policy, {}) if place in actions else {}),
                    "exempt": exempt.get(policy, []),
                },
            },
        }
        for policy in sorted(policies)
        for place, match in _places(policies[policy], platform, sorted(actions))
    ]


def named(files: Mapping[str, str], name: str) -> dict[str, Any]:
    """Return the documents of a name, by the folder that each lies in."""
    return {
        PurePosixPath(path).parent.as_posix(): yaml.safe_load(text)
        for path, text in sorted(files.items())
        if PurePosixPath(path).name == name
    }


def _places(
    constraint: Mapping[str, Any], platform: Sequence[str], environments: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where a policy holds, and what is there."""
    others = [environment for environment in environments if environment != STRICTEST]
    for environment in environments:
        which = ("NotIn", others) if environment == STRICTEST else ("In", [environment])
        selector = {"matchExpressions": [{"key": LABEL, "operator": which[0], "values": which[1]}]}
        yield environment, {"scope": "Namespaced", "excludedNamespaces": platform, "namespaceSelector": selector}
    yield "platform", {"scope": "Namespaced", "namespaces": platform}
    if any(kind.startswith("Cluster") for entry in constraint["spec"]["match"]["kinds"] for kind in entry["kinds"]):
        yield "cluster", {"scope": "Cluster"}


class FilterModule:
    """Filters over policies."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"constraints": constraints, "exemptions": exemptions, "named": named}
