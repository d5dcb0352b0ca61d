"""Who released a model, by the audit log, and who may agree to that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.model_states import Model
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused

Entries = Sequence[Mapping[str, Any]]


def released_by(entries: Entries, engine: str, model: str, version: str) -> str:
    """Return who brought a version of a model that is released now; empty where the log does not have it.

    Who only ran the same inventory again meanwhile is not who released it: the first of the runs since is.
    """
    found = ""
    for entry in reversed(_of_model(entries, engine, model)):
        if entry.get("command") == "rollback":
            break
        if entry.get("command") == "deploy":
            if entry.get("to") != version:
                break
            found = str(entry.get("who", ""))
    return found


def require_another(who: str, releaser: str, version: str, alone: str) -> str:
    """Return what the audit log notes of who released a version that somebody agrees to.

    Args:
        who: who agrees.
        releaser: who released it; empty where nobody knows.
        alone: why the same person may; empty where that is not asked for.

    Raises:
        Refused: it is the same person, who does not say why that must be.
    """
    if not releaser:
        return "Who released it is not in the log."
    if person(who) != person(releaser):
        return f"Released by {releaser}."
    if not alone:
        raise Refused(
            f"{releaser} released {version}, and the same person does not agree to it: two look at a release.",
            'Have another person agree. Where there is none, say why: --alone "REASON"; the audit log keeps it.',
        )
    return f"Released by {releaser}, the same person: {alone}."


def person(who: str) -> str:
    """Return the account of who did something, on whichever machine and behind whichever `sudo` that was."""
    account = who.partition("@")[0]
    if account.endswith(")"):
        account = account.rpartition("(")[2].rstrip(")")
    return account.strip().lower()


def is_first(model: Model, entries: Entries) -> bool:
    """Return whether a model has its first version, so that there was none before.

    It is the rollout's only one, in the first run since that was made. The controller calls it stable within a second.
    """
    made = str(model.rollout["metadata"].get("creationTimestamp", ""))
    since = [entry for entry in _of_model(entries, model.engine, model.name) if str(entry.get("time", "")) >= made]
    return len(model.replica_sets) <= 1 and not any(entry.get("command") == "deploy" for entry in since)


def _of_model(entries: Entries, engine: str, model: str) -> list[Mapping[str, Any]]:
    return [entry for entry in entries if (entry.get("engine"), entry.get("model")) == (engine, model)]
