"""A plan says for each component what will happen, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import pytest

from installer.engine.plan import Selection, components_of, make_plan
from installer.errors import UsageError
from installer.model.deployed import Deployed, Ingredients
from installer.model.plan import Change, Plan
from tests.fakes import catalog, component, inventory, parts

CATALOG = catalog(
    component("baseline"),
    component("cluster", "baseline", layer="cluster", runs_on="control_plane"),
    component("gpu", "cluster", layer="gpu", runs_on="gpu"),
)
SITE = inventory(cp1="control_plane", w1="worker")
NOW = {name: parts(role=name) for name in CATALOG.names}
ALL_GOOD = {name: Deployed(True, asdict(NOW[name])) for name in CATALOG.names}


def plan(journal: Mapping[str, Deployed], selection: Selection = Selection()) -> Plan:  # noqa: B008 - frozen
    return make_plan(CATALOG, SITE, NOW, journal, selection)


def changed(name: str, was: Ingredients, good: bool = True) -> dict[str, Deployed]:
    return {**ALL_GOOD, name: Deployed(good, asdict(was))}


def test_a_bare_site_gets_everything() -> None:
    assert [item.change for item in plan({}).components] == [Change.INSTALL] * 3


def test_what_is_as_deployed_is_only_verified() -> None:
    made = plan(ALL_GOOD)

    assert made.changes == ()
    assert [step.name for step in made.steps] == ["baseline verify", "cluster verify"]


def test_a_component_without_hosts_is_planned_and_has_no_steps() -> None:
    made = plan({})

    assert made.components[2].hosts == ()
    assert [step.component for step in made.steps if step.component == "gpu"] == []


@pytest.mark.parametrize(
    ("journal", "change", "reason"),
    [
        (changed("cluster", parts(role="older")), Change.UPGRADE, "changed: the role itself"),
        (
            changed("cluster", parts(role="cluster", artifacts="older", needs="older")),
            Change.UPGRADE,
            "changed: what the bundle brings for it, something it needs",
        ),
        (changed("cluster", NOW["cluster"], good=False), Change.RESUME, "begun, and not verified"),
        (changed("cluster", parts(role="older"), good=False), Change.UPGRADE, "changed: the role itself"),
    ],
    ids=["role", "two parts", "not verified", "not verified and changed"],
)
def test_a_change_has_its_reason(journal: dict[str, Deployed], change: Change, reason: str) -> None:
    item = next(item for item in plan(journal).components if item.component == "cluster")

    assert (item.change, item.reason) == (change, reason)


def test_a_plan_resumes_after_the_last_finished_component() -> None:
    made = plan({"baseline": ALL_GOOD["baseline"]})

    assert [step.name for step in made.steps if step.verb == "deploy"] == ["cluster deploy"]


def test_a_deployment_waits_only_for_what_this_run_deploys() -> None:
    made = plan({"baseline": ALL_GOOD["baseline"]})

    assert [step.after for step in made.steps if step.name == "cluster deploy"] == [()]


@pytest.mark.parametrize(
    ("selection", "left"),
    [
        (Selection(only=("cluster",)), ["cluster"]),
        (Selection(skip=("cluster",)), ["baseline", "gpu"]),
        (Selection(only=("baseline", "cluster"), skip=("baseline",)), ["cluster"]),
    ],
    ids=["only", "skip", "both"],
)
def test_a_selection_is_kept_to(selection: Selection, left: list[str]) -> None:
    assert [item.component for item in plan({}, selection).components] == left


def test_a_component_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(UsageError) as caught:
        plan({}, Selection(only=("harbour",)))

    assert "harbour" in caught.value.summary
    assert "baseline, cluster, gpu" in caught.value.hint


def test_planned_components_are_found_in_the_catalogue() -> None:
    assert [entry.name for entry in components_of(plan({}), CATALOG)] == ["baseline", "cluster", "gpu"]
