"""The rules on drift compare the times that an inventory names, where those were kept."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.platform.base.plugins.filter.drift import FILE, with_drift

from tests.repository import read, role_folder

FILES = {FILE: (role_folder("monitoring") / "files/rules" / FILE).read_text(), "other.yml": "groups: []"}
DEFAULT: dict[str, Any] = read(role_folder("monitoring") / "defaults/main.yml")["monitoring_drift"]


def test_with_the_roles_own_settings_the_file_is_what_cases_judge() -> None:
    assert with_drift(FILES, DEFAULT, 15) == FILES


def test_each_setting_is_put_in() -> None:
    drift = {"recent": "10m", "reference": "30m", "ago": "2h", "least": 40, "bound": 0.4, "lasting": "5m"}

    rules = yaml.safe_load(with_drift(FILES, drift, 2)[FILE])["groups"][0]["rules"]

    told = {rule.get("record", rule.get("alert")): rule["expr"] for rule in rules}
    assert "aip_observed_total[10m]" in told["platform:drift_recent:observed"]
    assert "[30m:10m] offset 2h" in told["platform:drift_reference:observed"]
    assert [told[f"platform:drift_{when}:share"].count(">= 40)") for when in ("recent", "reference")] == [1, 1]
    alerts = [rule for rule in rules if "alert" in rule]
    assert len(alerts) == 3
    assert {(rule["expr"].split()[-1], rule["for"]) for rule in alerts} == {("0.4", "5m")}


@pytest.mark.parametrize(
    ("changed", "kept_days", "said"),
    [
        ({}, 7, "only 7 days are kept"),
        ({"ago": "1w"}, 7, "only 7 days are kept"),
        ({"recent": "1 hour"}, 15, "monitoring_drift.recent is '1 hour'"),
        ({"ago": "30m"}, 15, "compares with itself"),
        ({"reference": "30m"}, 15, "compares with itself"),
        ({"least": 0}, 15, "`least` must be 1 or more"),
        ({"bound": 0}, 15, "`bound` more than 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(changed: dict[str, Any], kept_days: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        with_drift(FILES, {**DEFAULT, **changed}, kept_days)


def test_a_file_that_was_changed_beside_the_filter_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match=r"has no '> 0\.25"):
        with_drift({FILE: FILES[FILE].replace("0.25", "0.3")}, DEFAULT, 15)
