"""What the roles want of hosts, held against the checks there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.platform.base.plugins.module_utils.preflight_rules.registry import (
    ALL_CHECKS,
    SETTING,
    questions_of,
)

_PROJECT = Path(__file__).parents[3]
_ROLES = sorted(path.parent.name for path in _PROJECT.glob("roles/*/component.yml"))


def _checks(role: str) -> dict[str, Any]:
    document = yaml.safe_load((_PROJECT / "roles" / role / "vars" / "preflight.yml").read_text())
    checks: dict[str, Any] = document[f"__{role}_checks"]
    return checks


@pytest.mark.parametrize("role", _ROLES)
def test_a_role_wants_checks_that_there_are_with_what_they_take(role: str) -> None:
    wanted = {name: {**given, "when": False} for name, given in _checks(role).items()}

    assert wanted
    assert questions_of(wanted) == {}


@pytest.mark.parametrize("role", _ROLES)
def test_a_roles_verb_judges_by_its_own_checks(role: str) -> None:
    tasks = yaml.safe_load((_PROJECT / "roles" / role / "tasks" / "preflight.yml").read_text())

    assert [task["platform.base.preflight"] for task in tasks] == [
        {"components": [role], "judge": False},
        {"components": [role]},
    ]


@pytest.mark.parametrize("check", sorted(ALL_CHECKS))
def test_every_check_is_wanted_by_a_role(check: str) -> None:
    assert [role for role in _ROLES if check in _checks(role)]


@pytest.mark.parametrize("role", _ROLES)
def test_a_cure_names_settings_that_the_role_has(role: str) -> None:
    settings = {given[SETTING] for given in _checks(role).values() if SETTING in given}
    options = yaml.safe_load((_PROJECT / "roles" / role / "meta" / "argument_specs.yml").read_text())

    assert settings <= set(options["argument_specs"]["main"]["options"])


def test_there_are_at_least_forty_checks() -> None:
    assert len(ALL_CHECKS) >= 40
