"""Plans for some hosts, and plans that only verify."""

from __future__ import annotations

import pytest

from installer.engine.fingerprint import on_some_hosts
from installer.engine.plan import Selection, make_plan, make_verification, narrowed
from installer.engine.removal import plan_removal
from installer.errors import UsageError
from installer.model.deployed import Deployed
from installer.model.plan import Plan
from tests.fakes import catalog, component, inventory, parts

CATALOG = catalog(
    component("base"), component("api", "base", runs_on="control_plane"), component("seed", runs_on="admin")
)
HOSTS = inventory(admin1="admin", cp1="control_plane", cp2="control_plane")
GOOD = Deployed(good=True, parts={})


def test_a_limit_leaves_out_components_that_run_on_none_of_its_hosts() -> None:
    plan = make_plan(CATALOG, HOSTS, dict.fromkeys(CATALOG.names, parts()), {}, limit="cp1")

    assert [(item.component, item.hosts) for item in plan.components] == [("base", ("cp1",)), ("api", ("cp1",))]


def test_steps_on_some_of_a_components_hosts_are_partial() -> None:
    plan = make_plan(CATALOG, HOSTS, dict.fromkeys(CATALOG.names, parts()), {}, limit="cp1,cp2")

    assert {step.name: step.partial for step in plan.steps} == {
        "base deploy": True,
        "base verify": True,
        "api deploy": False,
        "api verify": False,
    }


def test_what_was_deployed_on_some_hosts_is_planned_anew_for_all() -> None:
    assert on_some_hosts(parts(), ["cp1"]).changed_since(parts().__dict__) == ("hosts",)


def test_the_version_is_no_part_of_a_fingerprint() -> None:
    assert parts(version="1").fingerprint == parts(version="2").fingerprint


def test_verification_takes_what_is_deployed_and_changes_nothing() -> None:
    plan = make_verification(CATALOG, HOSTS, {"base": GOOD, "api": GOOD})

    assert [step.name for step in plan.steps] == ["base verify", "api verify"]
    assert not plan.changes


def test_verification_of_what_is_not_deployed_is_refused() -> None:
    with pytest.raises(UsageError, match="seed is not deployed"):
        make_verification(CATALOG, HOSTS, {"base": GOOD}, Selection(only=("seed",)))


def test_verification_where_nothing_is_deployed_is_refused() -> None:
    with pytest.raises(UsageError, match="not deployed here"):
        make_verification(CATALOG, HOSTS, {})


def removal() -> Plan:
    return plan_removal(CATALOG, HOSTS, {"base": GOOD, "api": GOOD}, ["base", "api"])


def test_a_removal_from_some_hosts_is_partial_and_leaves_the_others_out() -> None:
    plan = narrowed(removal(), HOSTS, "admin1")

    assert [(step.name, step.partial) for step in plan.steps] == [("base remove", True)]
    assert [(item.component, item.hosts) for item in plan.components] == [("base", ("admin1",))]


def test_a_removal_without_a_limit_stays_as_it_is() -> None:
    assert narrowed(removal(), HOSTS, "") == removal()


def test_a_removal_from_hosts_that_have_nothing_of_it_is_refused() -> None:
    plan = plan_removal(CATALOG, HOSTS, {"seed": GOOD}, ["seed"])

    with pytest.raises(UsageError, match="Nothing of it is on cp1"):
        narrowed(plan, HOSTS, "cp1")
