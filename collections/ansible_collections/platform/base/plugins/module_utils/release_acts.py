"""What may be done to a release, by how it is: agreed to, measured again, taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.model_states import (
    BY_HAND,
    MEASUREMENT,
    PERSON,
    VERDICT,
    Model,
    state,
)

_LET_ON: dict[str, Any] = {"status": {"pauseConditions": None}}


class Refused(Exception):
    """What is asked does not fit how the model is.

    Attributes:
        hint: what to do instead.
    """

    def __init__(self, summary: str, hint: str) -> None:
        self.hint = hint
        super().__init__(summary)

    def told(self) -> dict[str, str]:
        """Return it as plain data."""
        return {"summary": str(self), "hint": self.hint}


def chosen(models: Sequence[Model], name: str) -> Model:
    """Return the model of a name, C(NAME) or C(ENGINE/NAME).

    Raises:
        Refused: there is none, or there are several.
    """
    found = [model for model in models if name in (model.name, f"{model.engine}/{model.name}")]
    if not found:
        known = ", ".join(model.name for model in models) or "none"
        raise Refused(f"No model {name} is served.", f"There are {known}.")
    if len(found) > 1:
        names = " or ".join(f"{model.engine}/{model.name}" for model in found)
        raise Refused(f"{len(found)} engines serve a model {name}.", f"Name it {names}.")
    return found[0]


def approval(model: Model, without_verdict: bool, measure_again: bool) -> Mapping[str, Any]:
    """Return the change of its rollout by which a release that waits goes on.

    Args:
        without_verdict: also where measurements are waited for.
        measure_again: begin the judgement anew that came to nothing.

    Raises:
        Refused: it does not wait, or not for this.
    """
    _require_release(model)
    told = state(model)
    waits, words = told["waits_for"], f"The release {_which(model)} does not wait for a person: {told['words']}."
    if measure_again:
        if waits != VERDICT:
            raise Refused(f"The release {_which(model)} has no judgement that came to nothing.", f"{told['words']}.")
        # As long as the controller pauses, and nothing says why, it measures anew.
        return _LET_ON
    if waits == PERSON:
        return _LET_ON
    if waits == VERDICT and without_verdict:
        return {"status": {"pauseConditions": None, "controllerPause": False, "currentStepIndex": model.step + 1}}
    if waits == MEASUREMENT and without_verdict:
        return {"status": {"pauseConditions": None, "currentStepIndex": model.step + 1}}
    if waits == VERDICT:
        raise Refused(words, "Have it measured again: --measure-again; or agree without a verdict: --without-verdict.")
    if waits == MEASUREMENT:
        raise Refused(words, "Wait for the verdict, or agree without one: --without-verdict.")
    if waits == BY_HAND:
        raise Refused(words, "Whoever stopped it lets it on.")
    raise Refused(words, "Wait: it goes on by itself.")


def require_version(model: Model, version: str) -> None:
    """See that a release is the one that is meant.

    Args:
        version: which; any when empty.

    Raises:
        Refused: another is under way, or the version has all requests already.
    """
    if not version:
        return
    if not model.release and model.version(model.stable) == version:
        raise Refused(f"{version} of {model.name} has all requests already.", "Nothing is left to agree to.")
    _require_release(model)
    found = model.version(model.release)
    if found != version:
        raise Refused(
            f"The release under way is {_which(model)}, and not {version}.", "Name the one that is under way."
        )


def require_ready(model: Model) -> None:
    """See that all copies of a release are ready; a person who agrees sees that for himself, and a timer does not.

    Raises:
        Refused: they are not.
    """
    wanted = int(model.replica_sets.get(model.release, {}).get("spec", {}).get("replicas", 0))
    ready = model.ready(model.release)
    if model.release and ready < wanted:
        raise Refused(f"{ready} of {wanted} copies of the release {_which(model)} are ready.", "See why they are not.")


def taking_back(model: Model) -> Mapping[str, Any]:
    """Return the change of its rollout by which a release is taken back.

    Raises:
        Refused: none is under way, or there is nothing to go back to.
    """
    _require_release(model)
    if not model.stable:
        raise Refused(
            f"{_which(model)} is the first version of the model: there is none to go back to.",
            "Take the model out of the inventory and run `platform-install`, or release another version.",
        )
    return {"status": {"abort": True}}


def _require_release(model: Model) -> None:
    """See that a release is under way.

    Raises:
        Refused: none is.
    """
    if model.taken_back:
        raise Refused(
            f"The release {_which(model)} was taken back already: {state(model)['words']}.", _other_version(model)
        )
    if not model.release:
        version = model.version(model.stable)
        now = f": {version or 'its version'} has all requests" if model.stable else ""
        raise Refused(f"No release of {model.name} is under way{now}.", _other_version(model))


def _other_version(model: Model) -> str:
    return (
        f"For another version, an earlier one too, put it into the inventory's `{model.engine}_models`,"
        f" and run `platform-install --only {model.engine}`."
    )


def _which(model: Model) -> str:
    version = model.version(model.release)
    return f"{version} of {model.name}" if version else f"of {model.name}"
