"""Programs have accounts whose secrets end, and rotation makes them anew, whatever kills it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.harbor_api import HarborRefused

from tests.fake_vault import FakeVault
from tests.integration.harbor.fake_harbor import FakeHarbor
from tests.repository import role_folder
from tests.role_programs import loaded

ROBOTS = loaded(role_folder("harbor") / "library/harbor_robots.py")
PASSWORD = "The-first-1"


@pytest.fixture
def keep(place: dict[str, Any], vault: FakeVault) -> Callable[..., list[str]]:
    """Return what has the accounts that are wanted."""

    def run(wet: bool = True, **other: Any) -> list[str]:
        robots = {"ci": {"projects": ["shop"], "may": ["pull", "push"], "days": 40}}
        given = {**place, "robots": robots, "days": 90, "renew_days": 30, "rotate": False, **other}
        told: list[str] = ROBOTS.settle(vault, given, wet)
        return told

    return run


def robot_of(harbor: FakeHarbor) -> dict[str, Any]:
    """Return the only account."""
    (robot,) = harbor.robots.values()
    return robot


def test_an_account_is_made_once_and_its_secret_is_in_the_vault(
    keep: Callable[..., list[str]], vault: FakeVault, harbor: FakeHarbor
) -> None:
    assert keep() == ["robot ci"]
    assert keep() == []

    held, robot = vault.held["harbor/robots/ci"], robot_of(harbor)
    assert (held["name"], held["secret"], held["expires_at"]) == ("robot$ci", robot["secret"], robot["expires_at"])
    assert robot["permissions"][0]["namespace"] == "shop"


def test_an_account_that_ends_soon_is_made_anew_and_its_old_secret_refused(
    keep: Callable[..., list[str]], vault: FakeVault, harbor: FakeHarbor
) -> None:
    keep()
    old = vault.held["harbor/robots/ci"]["secret"]
    robot_of(harbor)["expires_at"] = int(time.time()) + 86400

    assert keep() == ["robot ci"]
    assert vault.held["harbor/robots/ci"]["secret"] != old
    assert robot_of(harbor)["expires_at"] > time.time() + 30 * 86400


def test_an_account_that_may_do_something_else_is_made_anew(keep: Callable[..., list[str]], harbor: FakeHarbor) -> None:
    keep()

    assert keep(robots={"ci": {"projects": ["shop"], "may": ["pull"], "days": 40}}) == ["robot ci"]
    assert {entry["action"] for entry in robot_of(harbor)["permissions"][0]["access"]} == {"pull", "list", "read"}


def test_an_account_that_nobody_wants_goes_and_others_stay(
    keep: Callable[..., list[str]], vault: FakeVault, harbor: FakeHarbor
) -> None:
    keep()
    harbor.robots[99] = {
        "id": 99, "name": "robot$somebody", "secret": "x", "description": "by hand", "expires_at": -1, "duration": -1
    }  # fmt: skip

    assert keep(robots={}) == ["robot ci goes"]
    assert [robot["name"] for robot in harbor.robots.values()] == ["robot$somebody"]
    assert "harbor/robots/ci" not in vault.held


def test_rotation_makes_every_secret_anew_and_the_old_ones_are_refused(
    keep: Callable[..., list[str]], vault: FakeVault, harbor: FakeHarbor
) -> None:
    keep()
    old = vault.held["harbor/robots/ci"]["secret"]

    assert keep(rotate=True) == ["the administrator's password", "robot ci"]
    assert harbor.password == vault.held["harbor/internal"]["admin_password"] != PASSWORD
    assert vault.held["harbor/robots/ci"]["secret"] not in ("", old)


def test_a_rotation_that_leaves_the_old_secret_good_fails(keep: Callable[..., list[str]], harbor: FakeHarbor) -> None:
    keep()
    harbor.is_open = True

    with pytest.raises(HarborRefused, match="is still good"):
        keep(rotate=True)


def test_a_rotation_that_was_killed_before_it_was_told_goes_on(
    keep: Callable[..., list[str]], vault: FakeVault, harbor: FakeHarbor
) -> None:
    vault.held["harbor/internal"]["admin_password_next"] = "The-next-22"

    assert keep() == ["robot ci"]
    assert harbor.password == PASSWORD


def test_a_rotation_that_was_killed_after_it_was_told_goes_on(
    keep: Callable[..., list[str]], vault: FakeVault, harbor: FakeHarbor
) -> None:
    vault.held["harbor/internal"]["admin_password_next"] = harbor.password = "The-next-22"

    keep()

    assert vault.held["harbor/internal"] == {"admin_password": "The-next-22"}


def test_an_account_whose_making_was_killed_is_made(
    keep: Callable[..., list[str]], vault: FakeVault, harbor: FakeHarbor
) -> None:
    vault.held["harbor/robots/ci"] = {"next": "never told"}

    assert keep() == ["robot ci"]
    assert vault.held["harbor/robots/ci"]["secret"] == robot_of(harbor)["secret"]


def test_check_mode_makes_no_account(keep: Callable[..., list[str]], harbor: FakeHarbor) -> None:
    assert keep(wet=False) == ["robot ci"]
    assert harbor.robots == {}
