"""What an admin host says of releases, when one is over, and what may not be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from installer.errors import ComponentFailed, UsageError, VerificationFailed
from installer.model.releases import Audit, AuditBreak, ModelSchedule, ModelState, ModelVersion

_WAITS_AGAIN = ("person", "verdict", "hand")
_HEALTHY = "Healthy"


def require_reason(reason: str, what: str) -> str:
    """Return why something is done that passes over what was agreed on.

    Args:
        what: what is done, as the command line has it.

    Raises:
        UsageError: nobody says why.
    """
    if not reason.strip():
        raise UsageError(
            f"{what} needs a reason, which the audit log keeps.", hint='Add --reason "TEXT"; one sentence will do.'
        )
    return reason.strip()


def require_agreed(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what was said, where that is no refusal.

    Raises:
        UsageError: what was asked does not fit how the model is; nothing was changed.
    """
    if refused := said.get("refused"):
        raise UsageError(refused["summary"], hint=refused["hint"])
    return said


def model_state(told: Mapping[str, Any]) -> ModelState:
    """Return what plain data says of a model."""
    stable, release = (ModelVersion(**told[key]) if told[key] else None for key in ("stable", "release"))
    schedule = model_schedule(told["schedule"]) if told.get("schedule") else None
    return ModelState(**{**told, "stable": stable, "release": release, "schedule": schedule})


def model_schedule(told: Mapping[str, Any]) -> ModelSchedule:
    """Return what plain data says of an approval for a later time."""
    return ModelSchedule(**told)


def audit_of(said: Mapping[str, Any]) -> Audit:
    """Return what plain data says of an audit log."""
    verdict = dict(said["verdict"])
    broken = AuditBreak(**verdict.pop("broken")) if verdict["broken"] else None
    verdict.pop("broken", None)
    return Audit(path=said["path"], entries=tuple(said["entries"]), broken=broken, **verdict)


def require_whole(audit: Audit) -> None:
    """See that an audit log is what was written.

    Raises:
        VerificationFailed: it is not.
    """
    if audit.broken is None:
        return
    broken = audit.broken
    raise VerificationFailed(
        f"Line {broken.line} of {audit.path} is not what was written: {broken.why}.",
        hint="Lines before it are as they were written. Compare the rest with a copy that was kept elsewhere.",
        details=[f"expected {broken.expected or 'no digest is written down'}", f"found    {broken.found or 'no line'}"],
    )


def described(state: ModelState) -> str:
    """Return a line that says where a release is."""
    share = f", {state.share} % of requests" if state.release else ""
    return f"{state.model}: {state.phase}{share}" + (f": {state.words}" if state.words else "")


def took_over(state: ModelState, release: str) -> bool:
    """Return whether a release has all requests.

    Args:
        release: the hash of its copies.

    Raises:
        ComponentFailed: it never will, or not without somebody.
    """
    if state.release is None or state.release.hash not in (release, ""):
        if state.stable is not None and state.stable.hash == release and state.release is None:
            return state.phase == _HEALTHY
        raise ComponentFailed(f"Another release of {state.model} has taken its place: {described(state)}.")
    if state.taken_back:
        raise ComponentFailed(f"The release {state.release} of {state.model} did not take over: {state.words}.")
    if state.waits_for in _WAITS_AGAIN:
        raise ComponentFailed(
            f"The release {state.release} of {state.model} waits again: {state.words}.",
            hint=f"Go on with `platform-install model approve {state.model}`, or take it back with `model rollback`.",
        )
    return False


def is_back(state: ModelState) -> bool:
    """Return whether the stable version has all requests again, with all its copies."""
    if state.release is None:
        return state.phase == _HEALTHY
    ready = state.stable.ready if state.stable else 0
    return state.taken_back and state.share == 0 and ready >= state.wanted
