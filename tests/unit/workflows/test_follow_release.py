"""A release is followed until it is over, and what changes is told once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from installer.errors import ComponentFailed
from installer.model.events import Notice, Warned
from installer.model.releases import ModelState, ModelVersion
from installer.workflows.follow_release import follow
from tests.fakes import RecordingReporter, model

OLD, NEW = ModelVersion("1.0.0", "aaa", 2), ModelVersion("1.1.0", "bbb", 2)
WAITS = model("Paused", stable=OLD, release=NEW, share=50, waits_for="person", words="somebody has to agree")
GOES_ON = model("Progressing", stable=OLD, release=NEW, share=50, waits_for="copies", words="2 of 2 copies are ready")
HEALTHY = model(stable=NEW)
SILENCE = ComponentFailed("The admin host admin1 cannot tell.")


class Admin:
    """Tells one state after another, or that nobody answers."""

    def __init__(self, *answers: ModelState | ComponentFailed) -> None:
        self._answers = iter(answers)
        self.asked: list[tuple[str, str]] = []

    def look(self, model: str, other_than: str = "") -> tuple[tuple[ModelState, ...], str]:
        self.asked.append((model, other_than))
        answer = next(self._answers)
        if isinstance(answer, ComponentFailed):
            raise answer
        return (answer,), f"seen {len(self.asked)}"


def minutes() -> Callable[[], float]:
    """Return a clock by which each look takes a minute."""
    ticks: Iterator[float] = iter(range(0, 6000, 60))
    return lambda: next(ticks)


def followed(admin: Admin, reporter: RecordingReporter, *, back: bool = False, seconds: float = 3600) -> ModelState:
    return follow(admin, WAITS, back=back, reporter=reporter, clock=minutes(), seconds=seconds)


def test_a_release_is_followed_until_it_has_taken_over() -> None:
    admin, reporter = Admin(GOES_ON, GOES_ON, HEALTHY), RecordingReporter()

    assert followed(admin, reporter) == HEALTHY

    assert [event.text for event in reporter.of(Notice)] == [
        "tiny: Progressing, 50 % of requests: 2 of 2 copies are ready",
        "tiny: Healthy",
    ]
    assert admin.asked == [("llamacpp/tiny", ""), ("llamacpp/tiny", "seen 1"), ("llamacpp/tiny", "seen 2")]


def test_a_release_is_followed_until_it_is_back() -> None:
    gone = model("Degraded", stable=OLD, release=NEW, taken_back=True, share=0, words="taken back by anna")

    assert followed(Admin(GOES_ON, gone), RecordingReporter(), back=True) == gone


def test_a_release_that_is_taken_back_while_it_is_followed_is_an_error() -> None:
    gone = model("Degraded", stable=OLD, release=NEW, taken_back=True, words="taken back at 50 %: errors")

    with pytest.raises(ComponentFailed, match="taken back at 50 %"):
        followed(Admin(GOES_ON, gone), RecordingReporter())


def test_patience_ends_and_says_how_the_release_is() -> None:
    with pytest.raises(ComponentFailed, match="After 120 s the release is not over: tiny: Progressing") as failed:
        followed(Admin(*[GOES_ON] * 9), RecordingReporter(), seconds=120)

    assert "model status tiny" in failed.value.hint


def test_a_moment_in_which_nobody_answers_ends_nothing() -> None:
    reporter = RecordingReporter()

    assert followed(Admin(GOES_ON, SILENCE, SILENCE, HEALTHY), reporter) == HEALTHY

    assert len(reporter.of(Warned)) == 2


def test_whoever_does_not_answer_again_and_again_ends_it() -> None:
    with pytest.raises(ComponentFailed, match="cannot tell"):
        followed(Admin(*[SILENCE] * 9), RecordingReporter())
