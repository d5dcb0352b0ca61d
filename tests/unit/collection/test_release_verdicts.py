"""Analyses are read aloud: which metric, what it measured, and what it should have."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.platform.base.plugins.module_utils.release_verdicts import (
    bound,
    how_far,
    measured,
    why_bad,
    why_open,
)

from tests.unit.collection.rollouts import (
    JUDGED_AT_5,
    SMOKE,
    analysis,
    metrics_of_release,
    metrics_of_smoke,
    result,
)


def judged(phase: str, *results: dict[str, Any], **told: Any) -> dict[str, Any]:
    return analysis(JUDGED_AT_5, phase, metrics_of_release(), results, **told)


def asked(phase: str, *results: dict[str, Any], answer: str = "Yes.") -> dict[str, Any]:
    return analysis(SMOKE, phase, metrics_of_smoke(answer), results)


@pytest.mark.parametrize(
    ("condition", "compares"),
    [
        ("len(result) > 0 && !isNaN(result[0]) && result[0] >= 0.01", ">= 0.01"),
        ("len(result) == 0 || isNaN(result[0]) || result[0] < 2", "< 2"),
        ('result == "Yes."', '== "Yes."'),
        ('result == "two words, and \\"quotes\\""', '== "two words, and \\"quotes\\""'),
        ("len(result) > 0", ""),
        ("false", ""),
    ],
)
def test_the_bound_of_a_condition_is_what_it_compares_with(condition: str, compares: str) -> None:
    assert bound(condition) == compares


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("[0.031249999]", "0.03125"),
        ("[1234567]", "1234567"),
        ("[NaN]", "no number"),
        ("[+Inf]", "inf"),
        ("[]", "nothing"),
        ("", "nothing"),
        ("0.5", "0.5"),
        ("[1,2]", "1, 2"),
    ],
)
def test_a_measured_value_is_short(value: str, read: str) -> None:
    assert measured(value) == read


def test_a_metric_that_failed_is_told_with_its_value_and_the_bound() -> None:
    run = judged(
        "Failed",
        result("requests", "Successful", "[512]"),
        result("errors", "Failed", "[0.0312]", failed=1, message="Metric assessed Failed due to failed (1)"),
    )

    assert why_bad(run) == "errors (share of requests that failed) was 0.0312; bad is >= 0.01"


def test_of_several_looks_the_one_that_failed_is_told() -> None:
    answers = result("answers", "Failed", "[2.5]", failed=2)
    answers["measurements"].append({"phase": "Successful", "value": "[0.4]"})

    told = why_bad(judged("Failed", answers))

    assert told == "answers (seconds that 95 % of answers took) was 2.5; bad is >= 2"


def test_each_metric_that_failed_is_told() -> None:
    run = judged("Failed", result("errors", "Failed", "[0.5]"), result("answers", "Failed", "[9]"))

    assert why_bad(run).count("; bad is ") == 2


def test_a_wrong_answer_to_the_golden_prompt_is_told_beside_the_right_one() -> None:
    run = asked("Failed", result("golden-prompt", "Failed", "No.\n", failed=1))

    assert why_bad(run) == 'its golden prompt was answered "No."; right is == "Yes."'


def test_an_empty_answer_is_told_where_any_other_would_be_right() -> None:
    run = asked("Failed", result("golden-prompt", "Failed", "", failed=1), answer="")

    assert why_bad(run) == 'its golden prompt was answered ""; any that is not empty would be right'


def test_a_release_that_did_not_answer_at_all_is_told_with_the_reason() -> None:
    failed = {"phase": "Error", "message": "received non 2xx response code: 503"}
    run = asked("Error", {"name": "golden-prompt", "phase": "Error", "error": 3, "measurements": [failed]})

    assert why_bad(run) == "its golden prompt was not answered: received non 2xx response code: 503"


def test_a_metric_that_cannot_be_measured_is_told_with_the_reason() -> None:
    failed = {"phase": "Error", "message": "dial tcp 10.96.0.9:9090: connect: connection refused"}
    run = judged("Error", {"name": "errors", "phase": "Error", "measurements": [failed]})

    assert why_bad(run).endswith("could not be measured: dial tcp 10.96.0.9:9090: connect: connection refused")


def test_an_analysis_whose_metrics_say_nothing_is_told_by_its_message() -> None:
    assert why_bad(judged("Error", message="no such template")) == "no such template"


def test_too_few_requests_are_told_as_what_lacks_for_a_verdict() -> None:
    run = judged(
        "Inconclusive",
        result("requests", "Inconclusive", *["[12]"] * 10, inconclusive=10),
        result("errors", "Inconclusive", *["[]"] * 10, inconclusive=10),
        result("first-pieces", "Successful", *["[NaN]"] * 10),
    )

    assert why_open(run) == (
        "requests (requests within the window) was 12; good is >= 300; "
        "errors (share of requests that failed) was nothing; good is < 0.001"
    )


def test_a_judgement_that_goes_on_tells_its_looks_and_what_it_saw_last() -> None:
    run = judged("Running", result("requests", "Running", "[80]", "[120]", looks="Inconclusive"))

    assert how_far(run) == "look 2 of 10 (requests 120, good is >= 300)"


def test_a_judgement_that_nobody_measures_for_says_so() -> None:
    failed = {"phase": "Error", "message": "connection refused"}
    run = judged("Running", {"name": "requests", "phase": "Running", "error": 4, "measurements": [failed]})

    assert how_far(run) == "look 0 of 10 (requests cannot be measured: connection refused)"


def test_a_golden_prompt_that_is_asked_tells_how_many_answers_were_good() -> None:
    assert how_far(asked("Running", result("golden-prompt", "Running", "Yes.", successful=1))) == (
        "1 of 3 answers were good"
    )
