"""Rotation means what was asked for, in an order in which each finds what it needs."""

from __future__ import annotations

import pytest

from installer.engine.rotation import plan_rotation
from installer.errors import UsageError
from installer.model.deployed import Deployed
from installer.model.plan import Plan
from tests.fakes import catalog, component, inventory

CATALOG = catalog(component("store", runs_on="control_plane"), component("users", "store"), component("plain"))
HOSTS = inventory(admin1="admin", cp1="control_plane")
GOOD = Deployed(good=True, parts={})
DEPLOYED = {"store": GOOD, "users": GOOD, "plain": GOOD}


def rotation(*names: str, deployed: dict[str, Deployed] | None = None) -> Plan:
    known = DEPLOYED if deployed is None else deployed
    return plan_rotation(CATALOG, HOSTS, known, {"users", "store"}, names)


def test_all_secrets_are_those_of_every_component_that_has_some() -> None:
    plan = rotation("secrets")

    assert [step.name for step in plan.steps] == ["store rotate", "store verify", "users rotate", "users verify"]
    assert plan.steps[2].after == ("store verify",)
    assert all(step.after == (f"{step.component} rotate",) for step in plan.steps if step.verb == "verify")


def test_one_component_is_rotated_alone() -> None:
    assert [item.component for item in rotation("users").components] == ["users"]


def test_what_is_not_deployed_is_left_out_of_all() -> None:
    assert [item.component for item in rotation("secrets", deployed={"store": GOOD}).components] == ["store"]


def test_a_component_without_secrets_is_refused_with_those_that_have_some() -> None:
    with pytest.raises(UsageError, match="nothing to be rotated in plain") as caught:
        rotation("plain")

    assert "secrets, store, users" in caught.value.hint


def test_a_component_that_is_not_deployed_is_refused() -> None:
    with pytest.raises(UsageError, match="users is not deployed"):
        rotation("users", deployed={"store": GOOD})
