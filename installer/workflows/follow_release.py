"""Follow a release until it has taken over, or was taken back."""

from __future__ import annotations

from collections.abc import Callable

from installer.engine.releases import described, is_back, took_over
from installer.errors import ComponentFailed
from installer.model.events import Notice, Warned
from installer.model.releases import ModelState
from installer.ports import Models, Reporter

_TRIES = 5


def follow(
    models: Models, began: ModelState, *, back: bool, reporter: Reporter, clock: Callable[[], float], seconds: float
) -> ModelState:
    """Return how the model is when its release is over; what changes meanwhile is told.

    Args:
        began: how it was when it was let on or taken back.
        back: whether it is taken back.
        clock: tells seconds, since any moment.
        seconds: how long this may take.

    Raises:
        ComponentFailed: it ended otherwise, waits again, or takes longer.
    """
    release, end, told, seen = began.release.hash if began.release else "", clock() + seconds, "", ""
    while True:
        state, seen = _look(models, f"{began.engine}/{began.model}", seen, reporter)
        if (words := described(state)) != told:
            told = words
            reporter.emit(Notice(words))
        if is_back(state) if back else took_over(state, release):
            return state
        if clock() >= end:
            raise ComponentFailed(
                f"After {seconds:.0f} s the release is not over: {words}.",
                hint=f"It goes on by itself. `platform-install model status {began.model}` says how it fares.",
            )


def _look(models: Models, model: str, seen: str, reporter: Reporter) -> tuple[ModelState, str]:
    """Return how a model is; a release takes hours, in which somebody may not answer for a moment."""
    for left in range(_TRIES, 0, -1):
        try:
            (state,), now = models.look(model, seen)
        except ComponentFailed as failure:
            if left == 1:
                raise
            reporter.emit(Warned(failure.summary))
        else:
            return state, now
    raise AssertionError
