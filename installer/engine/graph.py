"""Order components so that each comes after what it needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from installer.errors import InvalidConfiguration, Problem
from installer.model.catalog import Catalog
from installer.model.component import Component
from installer.model.plan import Step


class CycleError(InvalidConfiguration):
    """Components need each other in a circle."""


def deployment_order(catalog: Catalog, wanted: Collection[str]) -> tuple[Component, ...]:
    """Return the wanted components and all they need, each after what it needs.

    What it follows comes before it too, where that is among them. Equal chances are decided by layer, then by name, so
    that the order never depends on chance.

    Raises:
        CycleError: two components need each other.
    """
    order: list[Component] = []
    among = _with_needs(catalog, wanted)
    state: dict[str, bool] = {}

    def visit(name: str, way: tuple[str, ...]) -> None:
        if state.get(name) is True:
            return
        if name in way:
            circle = " → ".join([*way[way.index(name) :], name])
            raise CycleError([Problem(f"roles/{name}/component.yml", f"needs itself: {circle}.")], "the catalogue")
        before = {*catalog[name].needs, *among.intersection(catalog[name].description.follows)}
        for need in sorted(before, key=lambda need: _place(catalog[need])):
            visit(need, (*way, name))
        state[name] = True
        order.append(catalog[name])

    for component in sorted((catalog[name] for name in wanted), key=_place):
        visit(component.name, ())
    return tuple(order)


def dependents(catalog: Catalog, name: str) -> frozenset[str]:
    """Return every component that needs this one, directly or not."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        for component in catalog:
            if current in component.needs and component.name not in found:
                found.add(component.name)
                waiting.append(component.name)
    return frozenset(found)


def steps_for(
    order: Collection[Component], fingerprints: dict[str, str], deploy: Collection[str], verify: Collection[str]
) -> tuple[Step, ...]:
    """Return the steps of a run: what is deployed, what is verified, and what each waits for.

    A component is deployed when all it needs is deployed, directly or not, and verified right after its own
    deployment, beside the next one's. A component with a milestone holds those that need it up only until
    it is reached. One that can only be verified after a later one is deployed
    (nodes are ready when they have a network) waits for that.

    Args:
        order: components in deployment order.
        deploy: names of those to deploy.
        verify: names of those to verify.
    """
    steps = []
    marks = {c.name: f"{c.name} {c.description.milestone or 'deploy'}" for c in order}
    by_name = {component.name: component for component in order}
    for component in order:
        name, description = component.name, component.description
        fingerprint = fingerprints.get(name, "")
        if name in deploy:
            first = dict.fromkeys(_needed_first(component, by_name, deploy))
            first |= dict.fromkeys(name for name in description.follows if name in deploy)
            after = tuple(marks[need] for need in first)
            milestone = marks[name] if description.milestone else ""
            steps.append(Step(name, "deploy", description.runs_on, fingerprint, after, milestone))
        if name in verify:
            waits = [f"{other} deploy" for other in (name, *description.verify_needs) if other in deploy]
            checks_only = description.checks_only
            steps.append(Step(name, "verify", description.runs_on, fingerprint, tuple(waits), checks_only=checks_only))
    return tuple(steps)


def _needed_first(component: Component, by_name: Mapping[str, Component], deploy: Collection[str]) -> tuple[str, ...]:
    """Return what is deployed of what a component needs; where a need stands already, what that one needs."""
    found: dict[str, None] = {}
    for need in component.needs:
        if need in deploy:
            found[need] = None
        elif need in by_name:
            found.update(dict.fromkeys(_needed_first(by_name[need], by_name, deploy)))
    return tuple(found)


def removal_steps(order: Collection[Component], wanted: Collection[str]) -> tuple[Step, ...]:
    """Return the steps that remove components, each before what it needs."""
    chosen = [component for component in order if component.name in wanted]
    steps = []
    for component in reversed(chosen):
        above = (other for other in chosen if component.name in (*other.needs, *other.description.follows))
        after = tuple(f"{other.name} remove" for other in above)
        steps.append(Step(component.name, "remove", component.description.runs_on, "", after))
    return tuple(steps)


def _with_needs(catalog: Catalog, wanted: Collection[str]) -> set[str]:
    """Return the names of components and of all they need."""
    found, waiting = set(wanted), list(wanted)
    while waiting:
        for need in catalog[waiting.pop()].needs:
            if need not in found:
                found.add(need)
                waiting.append(need)
    return found


def _place(component: Component) -> tuple[int, str]:
    return component.layer.rank, component.name
