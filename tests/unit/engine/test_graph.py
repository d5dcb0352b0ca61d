"""Order comes from needs, then layers, then names."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest

from installer.engine.graph import CycleError, dependents, deployment_order, removal_steps, steps_for
from installer.model.component import Component
from tests.fakes import catalog, component

SITE = (
    component("storage", "network", layer="storage"),
    component("network", "cluster", layer="network"),
    component("cluster", "runtime", "endpoint", layer="cluster", verify_needs=("network",)),
    component("runtime", "baseline"),
    component("endpoint", "baseline", layer="cluster"),
    component("baseline"),
    component("metrics", "network", layer="observability"),
)


def names(components: Iterable[Component]) -> list[str]:
    return [entry.name for entry in components]


def test_a_component_comes_after_what_it_needs() -> None:
    order = names(deployment_order(catalog(*SITE), [entry.name for entry in SITE]))

    assert order == ["baseline", "runtime", "endpoint", "cluster", "network", "storage", "metrics"]


def test_the_order_does_not_depend_on_the_order_of_files() -> None:
    wanted = [entry.name for entry in SITE]

    orders = {tuple(names(deployment_order(catalog(*given), wanted))) for given in itertools.permutations(SITE)}

    assert len(orders) == 1


def test_what_is_wanted_brings_what_it_needs_and_no_more() -> None:
    order = deployment_order(catalog(*SITE), ["runtime"])

    assert names(order) == ["baseline", "runtime"]


def test_equal_chances_are_decided_by_layer_then_by_name() -> None:
    given = catalog(component("b"), component("a"), component("z", layer="host"), component("c", layer="cluster"))

    assert names(deployment_order(given, given.names)) == ["a", "b", "z", "c"]


def test_what_a_component_follows_comes_before_it_where_it_is_wanted() -> None:
    given = catalog(component("a", follows=("z",)), component("z", "y"), component("y"))

    assert names(deployment_order(given, given.names)) == ["y", "z", "a"]
    assert names(deployment_order(given, ["a"])) == ["a"]
    assert names(deployment_order(given, ["a", "z"])) == ["y", "z", "a"]


def test_who_follows_waits_for_a_deployment_and_goes_before_it() -> None:
    given = (component("z"), component("a", follows=("z",)))

    steps = {step.name: step.after for step in steps_for(given, {}, deploy=["a", "z"], verify=[])}
    alone = {step.name: step.after for step in steps_for(given, {}, deploy=["a"], verify=[])}
    removal = removal_steps(given, ["a", "z"])

    assert steps["a deploy"] == ("z deploy",)
    assert alone == {"a deploy": ()}
    assert [(step.name, step.after) for step in removal] == [("a remove", ()), ("z remove", ("a remove",))]


@pytest.mark.parametrize(
    ("circle", "said"),
    [
        ([component("a", "a")], "a → a"),
        ([component("a", "b"), component("b", "a")], "a → b → a"),
        ([component("a", "b"), component("b", "c"), component("c", "b")], "b → c → b"),
        ([component("a", "b"), component("b", follows=("a",))], "a → b → a"),
    ],
    ids=["itself", "each other", "behind a first one", "by what it follows"],
)
def test_a_circle_is_named(circle: list[Component], said: str) -> None:
    with pytest.raises(CycleError) as caught:
        deployment_order(catalog(*circle), [entry.name for entry in circle])

    assert said in str(caught.value.problems[0])


def test_dependents_are_found_at_any_distance() -> None:
    assert dependents(catalog(*SITE), "runtime") == {"cluster", "network", "storage", "metrics"}


def test_nothing_depends_on_what_nobody_needs() -> None:
    assert dependents(catalog(*SITE), "metrics") == frozenset()


def test_a_deployment_waits_for_the_deployments_it_needs() -> None:
    order = deployment_order(catalog(*SITE), ["endpoint", "runtime"])

    steps = {step.name: step.after for step in steps_for(order, {}, deploy=["baseline", "runtime"], verify=[])}

    assert steps == {"baseline deploy": (), "runtime deploy": ("baseline deploy",)}


def test_a_deployment_waits_for_nothing_that_stands_already() -> None:
    order = deployment_order(catalog(*SITE), ["runtime"])

    steps = steps_for(order, {}, deploy=["runtime"], verify=[])

    assert [step.after for step in steps] == [()]


def test_a_deployment_waits_for_what_lies_below_a_need_that_stands() -> None:
    order = deployment_order(catalog(*SITE), ["storage"])

    steps = {step.name: step.after for step in steps_for(order, {}, deploy=["baseline", "storage"], verify=[])}

    assert steps["storage deploy"] == ("baseline deploy",)


def test_a_verification_waits_for_its_own_deployment_and_for_what_it_is_verified_with() -> None:
    order = deployment_order(catalog(*SITE), ["network"])
    everything = names(order)

    steps = {step.name: step.after for step in steps_for(order, {}, everything, everything)}

    assert steps["runtime verify"] == ("runtime deploy",)
    assert steps["cluster verify"] == ("cluster deploy", "network deploy")


def test_a_step_carries_its_hosts_and_its_fingerprint() -> None:
    order = (component("a", runs_on="admin[0]"),)

    (step,) = steps_for(order, {"a": "print"}, deploy=["a"], verify=[])

    assert (step.hosts, step.fingerprint) == ("admin[0]", "print")


def test_a_component_is_removed_before_what_it_needs() -> None:
    order = deployment_order(catalog(*SITE), ["network"])

    steps = removal_steps(order, ["network", "cluster", "runtime"])

    assert [step.name for step in steps] == ["network remove", "cluster remove", "runtime remove"]
    assert [step.after for step in steps] == [(), ("network remove",), ("cluster remove",)]


def test_who_needs_a_component_with_a_milestone_waits_for_no_more_than_that() -> None:
    order = (component("cluster", milestone="api"), component("network", "cluster"))

    steps = {step.name: step for step in steps_for(order, {}, ["cluster", "network"], ["cluster"])}

    assert steps["network deploy"].after == ("cluster api",)
    assert steps["cluster deploy"].milestone == "cluster api"
    assert steps["cluster verify"].after == ("cluster deploy",)
