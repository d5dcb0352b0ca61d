"""Every error ends with the exit code that the documents promise, and says what to do."""

from __future__ import annotations

import re

import pytest

from installer import errors
from installer.errors import ExitCode, InvalidConfiguration, PlatformError, PreflightFailed, Problem

CLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PlatformError)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_tree_in_the_docstring_is_true(kind: type[PlatformError]) -> None:
    drawn = dict(re.findall(r"^[├└]── (\w+) +(\d+) ", errors.__doc__ or "", re.MULTILINE))

    assert kind is PlatformError or drawn[kind.__name__] == str(int(kind.exit_code))


@pytest.mark.parametrize("kind", [InvalidConfiguration, PreflightFailed])
@pytest.mark.parametrize("count", [1, 3])
def test_all_problems_are_listed_and_counted(kind: type[InvalidConfiguration | PreflightFailed], count: int) -> None:
    problems = [Problem(f"file:{number}", "is wrong.", "Write this.") for number in range(count)]

    error = kind(problems)

    assert error.summary.startswith(f"{count} ")
    assert len(error.details) == count
    assert error.hint


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a:1", "is wrong."), "a:1: is wrong."),
        (Problem("a:1", "is wrong.", "Do this."), "a:1: is wrong. Do this."),
    ],
)
def test_a_problem_says_where_what_and_the_cure(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_exit_codes_are_those_of_the_documents() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "FINE": 0, "BUG": 1, "USAGE": 2, "INVALID_CONFIGURATION": 3, "PREFLIGHT": 4, "COMPONENT": 5, "VERIFICATION": 6,
        "BUNDLE": 7, "LOCKED": 8, "INTERRUPTED": 130,
    }  # fmt: skip
