"""What a component is made of, as a value that changes when any of it does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from installer.engine.models import locked_models
from installer.model.artifact import Kind, Lock
from installer.model.catalog import Catalog
from installer.model.component import Component, Description, Exemption, Metrics
from installer.model.deployed import Ingredients
from installer.model.inventory import Inventory

_GLOBAL = "platform_"


def ingredients_of(
    component: Component, role_digest: str, artifacts: Iterable[str], inventory: Inventory, needs: Mapping[str, str]
) -> Ingredients:
    """Return what a component is made of on a site.

    Args:
        role_digest: digest of the role's folder and of the verbs it shares.
        artifacts: digests of the locked items it declares.
        needs: fingerprints of the components it needs, and of what else of theirs it is made of.
    """
    variables, hosts = _variables(inventory, (f"{component.name}_", _GLOBAL))
    places = {name: [host.address, sorted(host.groups)] for name, host in inventory.hosts.items()}
    return Ingredients(
        role=role_digest,
        variables=_digest([variables, hosts]),
        artifacts=_digest(sorted(artifacts)),
        hosts=_digest([places, inventory.members(component.description.runs_on)]),
        needs=_digest(dict(sorted(needs.items()))),
    )


def exemptions_in(catalog: Catalog) -> str:
    """Return the digest of everything that components exempt from the site's policies."""
    return _entries_in(catalog, lambda description: description.exemptions)


def metrics_in(catalog: Catalog) -> str:
    """Return the digest of everything that components tell of themselves."""
    return _entries_in(catalog, lambda description: description.metrics)


def _entries_in(catalog: Catalog, of: Callable[[Description], Sequence[Exemption | Metrics]]) -> str:
    """Return the digest of what components that say it say, each with the namespace that goes without saying."""
    entries = {
        component.name: [component.description.namespace, [asdict(entry) for entry in of(component.description)]]
        for component in catalog
        if of(component.description)
    }
    return _digest(entries)


def images_in(lock: Lock) -> str:
    """Return the digest of every image of a bundle, by its name."""
    return _digest(sorted((item.name, item.version, item.digest) for item in lock.items if item.kind is Kind.IMAGE))


def models_named(component: Component, inventory: Inventory, lock: Lock) -> tuple[str, ...]:
    """Return the digests of the models that a component's own variables name: no component declares them."""
    told = json.dumps(_variables(inventory, (f"{component.name}_",)), default=str)
    return tuple(item.digest for item in locked_models(lock.items) if item.name in told)


def on_some_hosts(parts: Ingredients, hosts: Iterable[str]) -> Ingredients:
    """Return what a component is made of when only some of its hosts get it.

    It equals no whole deployment's, so that the next run without a limit goes on with the other hosts.
    """
    return replace(parts, hosts=_digest(["only", parts.hosts, sorted(hosts)]))


def _variables(inventory: Inventory, prefixes: tuple[str, ...]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the variables whose names begin so, those of all hosts and those of each."""
    hosts = {
        name: {key: value for key, value in host.variables.items() if key.startswith(prefixes)}
        for name, host in inventory.hosts.items()
    }
    return {name: value for name, value in inventory.variables.items() if name.startswith(prefixes)}, hosts


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
