"""What an admin host says of releases is read, judged, and refused where it does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from installer.engine.releases import (
    audit_of,
    described,
    is_back,
    model_state,
    require_agreed,
    require_reason,
    require_whole,
    took_over,
)
from installer.errors import ComponentFailed, UsageError, VerificationFailed
from installer.model.releases import ModelState, ModelVersion
from tests.fakes import model

OLD, NEW, OTHER = ModelVersion("1.0.0", "aaa", 2), ModelVersion("1.1.0", "bbb", 2), ModelVersion("1.2.0", "ccc", 1)
VERDICT = {"lines": 3, "digest": "d" * 64, "broken": None, "torn": 0}


def test_a_release_has_taken_over_when_it_is_stable_and_healthy() -> None:
    assert took_over(model(stable=NEW), "bbb")


@pytest.mark.parametrize(
    "found",
    [
        model("Progressing", stable=NEW),
        model("Progressing", stable=OLD, release=NEW, waits_for="measurement"),
        model("Progressing", stable=OLD, release=NEW, waits_for="copies"),
        model("Progressing", stable=OLD, release=ModelVersion("1.1.0", "", 0)),
    ],
    ids=["copies of the old one", "judged", "starting", "unseen"],
)
def test_a_release_that_goes_on_by_itself_is_waited_for(found: ModelState) -> None:
    assert not took_over(found, "bbb")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            model("Degraded", stable=OLD, release=NEW, taken_back=True, words="taken back at 5 %: errors"),
            "did not take over: taken back at 5 %: errors.",
        ),
        (
            model("Paused", stable=OLD, release=NEW, waits_for="person", words="somebody has to agree"),
            "waits again: somebody has to agree.",
        ),
        (model("Paused", stable=OLD, release=NEW, waits_for="verdict", words="too few"), "waits again: too few."),
        (model("Progressing", stable=OLD, release=OTHER), "Another release of tiny has taken its place"),
        (model(stable=OLD), "Another release of tiny has taken its place"),
    ],
    ids=["taken back", "person", "verdict", "another", "the old one"],
)
def test_a_release_that_will_not_take_over_by_itself_is_an_error(found: ModelState, said: str) -> None:
    with pytest.raises(ComponentFailed) as failed:
        took_over(found, "bbb")

    assert said in failed.value.summary


@pytest.mark.parametrize(
    ("found", "back"),
    [
        (model("Degraded", stable=OLD, release=NEW, taken_back=True, share=0), True),
        (model("Degraded", stable=OLD, release=NEW, taken_back=True, share=50), False),
        (model("Degraded", stable=ModelVersion("1.0.0", "aaa", 1), release=NEW, taken_back=True), False),
        (model("Paused", stable=OLD, release=NEW), False),
        (model(stable=OLD), True),
    ],
    ids=["back", "shares", "copies", "not yet", "without a release"],
)
def test_a_release_is_back_when_the_old_version_has_all_requests_and_copies(found: ModelState, back: bool) -> None:
    assert is_back(found) == back


def test_a_release_is_described_by_phase_share_and_what_it_waits_for() -> None:
    waits = model("Paused", stable=OLD, release=NEW, share=50, words="somebody has to agree")

    assert described(waits) == "tiny: Paused, 50 % of requests: somebody has to agree"
    assert described(model(stable=OLD)) == "tiny: Healthy"


def test_what_is_refused_is_a_usage_error_with_what_to_do_instead() -> None:
    with pytest.raises(UsageError, match="No release") as refused:
        require_agreed({"refused": {"summary": "No release is under way.", "hint": "Release one."}})

    assert (refused.value.hint, refused.value.exit_code) == ("Release one.", 2)


@pytest.mark.parametrize("reason", ["", "  "])
def test_who_passes_over_what_was_agreed_on_says_why(reason: str) -> None:
    with pytest.raises(UsageError, match="A rollback needs a reason"):
        require_reason(reason, "A rollback")


def test_a_version_without_a_name_is_called_by_its_copies() -> None:
    assert (str(NEW), str(ModelVersion("", "bbb", 1))) == ("1.1.0", "bbb")


def test_a_model_is_read_from_plain_data() -> None:
    told: dict[str, Any] = {**vars(model(stable=OLD)), "stable": vars(OLD), "release": None}

    assert model_state(told) == model(stable=OLD)


def test_an_audit_log_that_is_whole_passes() -> None:
    found = audit_of({"path": "/log", "entries": [{"who": "anna"}], "verdict": VERDICT})

    require_whole(found)

    assert (found.lines, found.broken, found.entries) == (3, None, ({"who": "anna"},))


def test_an_audit_log_that_is_broken_names_the_line_and_both_digests() -> None:
    broken = {"line": 2, "expected": "e" * 64, "found": "f" * 64, "why": "it was changed"}
    found = audit_of({"path": "/log", "entries": [], "verdict": {**VERDICT, "broken": broken}})

    with pytest.raises(VerificationFailed) as failed:
        require_whole(found)

    assert failed.value.summary == "Line 2 of /log is not what was written: it was changed."
    assert failed.value.details == (f"expected {'e' * 64}", f"found    {'f' * 64}")
