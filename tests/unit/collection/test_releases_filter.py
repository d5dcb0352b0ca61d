"""By which steps a release takes over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.platform.base.plugins.filter.releases import (
    golden_condition,
    quiet_metrics,
    release_metrics,
    release_steps,
)

from tests.promtool import values_of

RULES = {
    "looks": 10, "look_seconds": 60, "window_seconds": 300, "least_requests": 300, "bad_errors": 0.01,
    "good_errors": 0.001, "answer_seconds": 2, "first_token_seconds": 1,
}  # fmt: skip


def steps(measured: bool = True, approved: bool = False) -> list[dict[str, Any]]:
    return release_steps([5, 25, 50], "tiny", measured, approved)


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [f"{next(iter(step))} {step.get('setWeight', '')}".strip() for step in found]


def test_each_share_is_judged_before_the_next() -> None:
    assert kinds(steps()) == [
        "setCanaryScale", "analysis", "analysis", "setWeight 5", "analysis", "setCanaryScale", "setWeight 25",
        "analysis", "setWeight 50", "analysis",
    ]  # fmt: skip


def test_it_has_to_answer_at_all_before_any_caller_asks_it() -> None:
    found = steps()

    assert found[0] == {"setCanaryScale": {"replicas": 1}}
    assert found[1]["analysis"]["templates"] == [{"templateName": "tiny-smoke"}]


def test_it_has_callers_when_what_was_measured_before_is_out_of_the_window() -> None:
    assert steps()[2]["analysis"]["templates"] == [{"templateName": "tiny-quiet"}]


ASKED = 'aip_requests_total{model="tiny",track="canary",code="200"}'
GIVEN_UP = 'aip_requests_total{model="tiny",track="unknown",code="504"}'
ROLLOUT = 'rollout_info{exported_namespace="llamacpp",name="tiny",phase="%s"}'
RISING, STOPPED_AFTER_A_MINUTE = "0+1x40", "0+1x4 4x36"


@pytest.mark.parametrize(
    ("series", "at", "quiet"),
    [
        ({}, "5m", True),
        ({ASKED: RISING}, "5m", False),
        ({ASKED: STOPPED_AFTER_A_MINUTE}, "5m", False),
        ({ASKED: STOPPED_AFTER_A_MINUTE}, "6m30s", True),
        ({ASKED.replace("tiny", "letters"): RISING}, "5m", True),
        ({ASKED.replace("canary", "stable"): RISING}, "5m", True),
        # Callers give up now and then, and that is no release's while there was none.
        ({GIVEN_UP: RISING, ROLLOUT % "Completed": "1x40"}, "5m", True),
        ({GIVEN_UP: RISING, ROLLOUT % "Abort": "1x40"}, "5m", False),
        ({GIVEN_UP: RISING, ROLLOUT % "Abort": "1x4 stale", ROLLOUT % "Progressing": "_x5 1x30"}, "4m", False),
        ({GIVEN_UP: RISING, ROLLOUT % "Timeout": "1x4 stale", ROLLOUT % "Progressing": "_x5 1x30"}, "6m30s", True),
    ],
    ids=[
        "no release before", "it is asked still", "it was asked within the window", "it was asked before the window",
        "another model's", "the old version", "callers give up", "one is taken back", "one was taken back a moment ago",
        "one was taken back before the window",
    ],
)  # fmt: skip
def test_it_is_quiet_when_nothing_of_a_release_before_is_in_the_window(
    series: dict[str, str], at: str, quiet: bool, tmp_path: Path
) -> None:
    (metric,) = quiet_metrics("tiny", "llamacpp", RULES)

    done = values_of(f"({metric['query']}) < 0.5", series, at, [0] if quiet else [], tmp_path)

    assert metric["successCondition"].endswith("result[0] < 0.5")
    assert done.returncode == 0, done.stdout + done.stderr


def test_quiet_is_waited_for_as_long_as_it_takes_and_no_longer() -> None:
    (metric,) = quiet_metrics("tiny", "llamacpp", RULES)

    assert metric["failureCondition"] == "false"
    assert metric["consecutiveSuccessLimit"] == 1
    # Without a number a step of a rollout is refused.
    assert metric["count"] == metric["inconclusiveLimit"] == 1000000


def test_where_it_has_to_be_approved_it_waits_at_the_end() -> None:
    assert steps(approved=True) == [*steps(), {"pause": {}}]


def test_where_nothing_measures_it_waits_at_the_first_share() -> None:
    found = steps(measured=False)

    assert kinds(found) == ["setCanaryScale", "analysis", "setWeight 5", "setCanaryScale", "pause"]
    assert found[-1] == {"pause": {}}


@pytest.mark.parametrize(
    ("measured", "approved", "wanted"),
    [
        (True, False, ["analysis", "setWeight 100", "analysis"]),
        (True, True, ["analysis", "pause", "setWeight 100", "analysis"]),
        # Nobody could judge it afterwards, so somebody has to before.
        (False, False, ["pause", "setWeight 100"]),
    ],
)
def test_one_that_takes_over_at_once_has_all_its_copies_before(
    measured: bool, approved: bool, wanted: list[str]
) -> None:
    found = release_steps([5, 25, 50], "tiny", measured, approved, how="blue_green")

    assert found[:2] == [
        {"setCanaryScale": {"weight": 100}}, {"analysis": {"templates": [{"templateName": "tiny-smoke"}]}}
    ]  # fmt: skip
    assert kinds(found[2:]) == wanted


@pytest.mark.parametrize("looks", [2, 3, 10])
def test_looks_that_come_to_nothing_never_add_up_to_a_good_one(looks: int) -> None:
    for metric in release_metrics("tiny", {**RULES, "looks": looks}):
        assert metric["inconclusiveLimit"] < metric["count"]


def test_there_is_no_verdict_before_enough_was_asked() -> None:
    requests = release_metrics("tiny", RULES)[0]

    assert requests["successCondition"] == "len(result) > 0 && result[0] >= 300"
    assert requests["failureCondition"] == "false"


def test_a_release_without_a_mistake_has_none_and_not_nothing() -> None:
    errors = release_metrics("tiny", RULES)[1]

    assert "or vector(0)) /" in errors["query"]
    assert errors["failureLimit"] == 0


def test_mistakes_among_a_few_requests_are_no_share_of_mistakes() -> None:
    assert release_metrics("tiny", RULES)[1]["query"].endswith(" >= 30")


def test_what_was_given_up_before_an_answer_counts_as_the_releases() -> None:
    assert all('model="tiny",track=~"canary|unknown"' in metric["query"] for metric in release_metrics("tiny", RULES))


def test_silence_is_neither_good_nor_bad() -> None:
    for metric in release_metrics("tiny", RULES)[1:3]:
        assert "!isNaN(result[0])" in metric["successCondition"]
        assert "!isNaN(result[0])" in metric["failureCondition"]


@pytest.mark.parametrize(
    ("answer", "condition"), [("", "len(result) > 0"), ('He said "yes".', 'result == "He said \\"yes\\"."')]
)
def test_a_first_answer_is_right_as_it_is_told(answer: str, condition: str) -> None:
    assert golden_condition(answer) == condition
