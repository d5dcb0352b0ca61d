from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.registry import ALL_CHECKS

from tests.unit.preflight.sites import Site, faults


def test_a_good_site_passes_every_check_there_is(site: Site) -> None:
    assert set(site.wanted["node1"]) == set(ALL_CHECKS)

    assert site.problems() == []


@pytest.mark.parametrize("fault", [pytest.param(fault, id=f"{fault['check']}: {fault['fault']}") for fault in faults()])
def test_a_fault_makes_exactly_its_check_fail(site: Site, fault: dict[str, Any]) -> None:
    site.break_by(fault)

    problems = site.problems()

    assert {problem["check"] for problem in problems} == {fault["check"]}
    assert all(fault.get("says", "") in f"{problem['message']} {problem['cure']}" for problem in problems)


@pytest.mark.parametrize("check", sorted(ALL_CHECKS))
def test_every_check_has_a_fault_that_it_finds(check: str) -> None:
    assert check in {fault["check"] for fault in faults()}


@pytest.mark.parametrize("fault", [pytest.param(fault, id=f"{fault['check']}: {fault['fault']}") for fault in faults()])
def test_a_problem_says_what_was_found_and_what_to_do(site: Site, fault: dict[str, Any]) -> None:
    site.break_by(fault)

    problem = site.problems()[0]

    assert problem["message"].endswith(".")
    assert problem["cure"].endswith(".") and len(problem["cure"]) > 8
