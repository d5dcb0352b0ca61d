"""References: what one variable names, another one has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from installer.engine.inventory_rules.subject import (
    EACH,
    Subject,
    did_you_mean,
    is_opaque,
    listed,
    spell,
    texts_at,
    texts_in,
)
from installer.errors import Problem
from installer.model.inventory import Way

_MODEL_AT = re.compile(r"https?://(?P<model>[^./:]+)\.(?P<engine>[a-z0-9-]+)(\.svc\b|[:/]|$)")


@dataclass(frozen=True)
class Reference:
    """A variable whose values are names out of another.

    Attributes:
        name: the variable that names.
        way: where it does, inside its value.
        known: the variable that has what is named.
        at: where that has names; its keys when empty.
        passes: names that others give.
    """

    name: str
    way: Way
    known: str
    at: Way = ()
    passes: str = r"(?!)"


REFERENCES = (
    Reference("inference_gateway_keys", (EACH, "tenant"), "inference_gateway_tenants"),
    Reference("inference_gateway_tenants", (EACH, "models", EACH), "inference_gateway_models"),
    # Projects of upstream's registries are called as these are, which the bundle says.
    Reference("harbor_robots", (EACH, "projects", EACH), "harbor_projects", passes=r".*\..*"),
    Reference("monitoring_told", (EACH, EACH), "monitoring_receivers", (EACH, "name")),
    Reference("monitoring_receivers", (EACH, "webhook", "secret"), "monitoring_secret_files"),
)
# Variables with the models of an engine, by its namespace.
ENGINES = {"llamacpp": "llamacpp_models", "vllm": "vllm_models"}


def names_of_nothing(subject: Subject) -> Iterator[Problem]:
    """Find names of what there is not: they would be noticed in the middle of a run, or by who is refused."""
    for reference in REFERENCES:
        known = _names(subject, reference.known, reference.at)
        for where, way, name in texts_at(subject, reference.name, reference.way):
            if known is not None and name not in known and not re.fullmatch(reference.passes, name):
                yield _missing(where, spell(reference.name, way), name, reference.known, known)


def models_of_nobody(subject: Subject) -> Iterator[Problem]:
    """Find models that callers can name and that no engine of the site serves."""
    for where, way, url in texts_at(subject, "inference_gateway_models", (EACH, "url")):
        match = _MODEL_AT.match(url)
        variable = ENGINES.get(match["engine"], "") if match else ""
        if not match or not variable:
            continue
        known = _names(subject, variable, ())
        if known is not None and match["model"] not in known:
            yield _missing(where, spell("inference_gateway_models", way), match["model"], variable, known)


def _missing(where: str, place: str, name: str, variable: str, known: set[str]) -> Problem:
    there = f"There are {listed(sorted(known))}; add it to `{variable}`." if known else f"Add it to `{variable}`."
    return Problem(where, f"{place} names {name}, which {variable} does not have.", did_you_mean(name, known, there))


def _names(subject: Subject, variable: str, at: Way) -> set[str] | None:
    """Return the names that a variable has, for all hosts or for some; None where not all are known here."""
    inventory = subject.inventory
    values = [inventory.value(variable), *(host.variables.get(variable) for host in inventory.hosts.values())]
    names: set[str] = set()
    for value in filter(None, values):
        if is_opaque(value):
            return None
        keys = value if isinstance(value, Mapping) else ()
        names |= {name for _, name in texts_in(value, at)} if at else set(map(str, keys))
    return None if any(map(is_opaque, names)) else names


RULES = (names_of_nothing, models_of_nobody)
