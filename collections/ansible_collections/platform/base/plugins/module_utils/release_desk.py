"""Look at releases of models, agree to them and take them back, and write down who did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditLog
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.model_states import ROLLOUTS, Model, models_in, seen, state
from ansible_collections.platform.base.plugins.module_utils.release_acts import (
    Refused,
    approval,
    chosen,
    require_ready,
    require_version,
    taking_back,
)
from ansible_collections.platform.base.plugins.module_utils.release_people import is_first, released_by, require_another
from ansible_collections.platform.base.plugins.module_utils.release_schedules import shown

_TRIES, _SEEN_SECONDS = 5, 20.0
_CONFLICT = "has been modified"
_BY_HAND = "taken back by hand"


class Conflict(Exception):
    """Somebody changed the rollout since it was read."""


class Releases:
    """The releases of models, and the log of who moved them.

    Args:
        cluster: where they are.
        log: the audit log.
        given: the module's options.
        login: who logged in to this host.
    """

    def __init__(self, cluster: Kubectl, log: AuditLog, given: Mapping[str, Any], login: str) -> None:
        self._cluster = cluster
        self._log = log
        self._given = given
        self._login = login

    def look(self) -> dict[str, Any]:
        """Return how models are, as soon as that is otherwise than it was.

        Raises:
            Refused: there is no such model.
            KubectlFailed: the cluster does not tell.
        """
        found: list[dict[str, Any]] = []

        def is_otherwise() -> bool:
            models = models_in(self._cluster, self._given["engines"])
            if self._given["model"]:
                models = [chosen(models, self._given["model"])]
            found[:] = [state(model) for model in models]
            return seen(found) != str(self._given["other_than"])

        self._cluster.wait_for(is_otherwise, self._given["seconds"])
        digest = seen(found)
        entries, _ = self._log.read()
        return {"models": [_by_the_log(told, entries) for told in found], "seen": digest}

    def act(self, dry: bool) -> dict[str, Any]:
        """Let a release go on, or take it back, and return how it was before.

        Args:
            dry: whether only to say so.

        Raises:
            Refused: it does not fit how the model is.
            AuditFailed: it cannot be written down, so that it is not done.
            KubectlFailed: the cluster does not take it.
        """
        if dry:
            model = self._model()
            self._change(model)
            self._people(state(model), self._log.read()[0])
            return {"model": state(model), "line": {}}
        with self._log.to_oneself():
            model = self._model()
            change, told = self._change(model), state(model)
            people = self._people(told, self._log.known())
            line = self._log.append(self._entry(told, people))
            try:
                self._patch(model, change)
            except (KubectlFailed, Refused) as failure:
                failed = {"command": f"{self._given['does']} failed", "note": f"It was not done: {failure}"}
                self._log.append({**self._entry(told, people), **failed})
                raise
        return {"model": told, "line": line}

    def note(self) -> dict[str, Any]:
        """Write down which of the applied objects release a model, and return the lines.

        Raises:
            AuditFailed: that cannot be written.
            KubectlFailed: the cluster does not tell.
        """
        applied = {tuple(name.split("/")[-2:]) for name in self._given["objects"] if "/Rollout/" in name}
        models = [
            model
            for model in models_in(self._cluster, self._given["engines"])
            if (model.namespace, model.name) in applied
        ]
        if not models:
            return {"lines": []}
        with self._log.to_oneself():
            entries = self._log.known()
            return {"lines": [self._log.append(self._released(model, entries)) for model in models]}

    def _model(self) -> Model:
        """Return the model, once the controller knows of the last change of it."""
        found: list[Model] = []

        def is_seen() -> bool:
            found[:] = [chosen(models_in(self._cluster, self._given["engines"]), self._given["model"])]
            return found[0].seen

        if not self._cluster.wait_for(is_seen, _SEEN_SECONDS):
            raise Refused(
                f"What moves releases has not seen the last change of {found[0].name} yet.",
                "See whether it works: `platform-install verify --only argo_rollouts`.",
            )
        return found[0]

    def _change(self, model: Model) -> Mapping[str, Any]:
        if self._given["does"] == "rollback":
            return taking_back(model)
        require_version(model, self._given["version"])
        if self._given["scheduled"]:
            require_ready(model)
        return approval(model, self._given["without_verdict"], self._given["measure_again"])

    def _patch(self, model: Model, change: Mapping[str, Any]) -> None:
        """Change a rollout that is as it was read; when it is not any more, judge it again."""
        first = model.release
        for _ in range(_TRIES):
            try:
                self._patch_once(model, change)
            except Conflict:
                self._cluster.pause()
                model = self._model()
                if model.release != first:
                    raise Refused(f"Another release of {model.name} has begun.", "Look at it, and ask again.") from None
                change = self._change(model)
            else:
                return
        raise KubectlFailed(f"The rollout {model.name} was changed by others each time; ask again.")

    def _patch_once(self, model: Model, change: Mapping[str, Any]) -> None:
        version = model.rollout["metadata"]["resourceVersion"]
        patch = json.dumps({"metadata": {"resourceVersion": version}, **change})
        done = self._cluster.attempt(
            "patch", ROLLOUTS, model.name, "--type=merge", f"--patch={patch}", f"--namespace={model.namespace}",
            "--subresource=status",
        )  # fmt: skip
        if done.returncode and _CONFLICT in done.stderr:
            raise Conflict
        if done.returncode:
            raise KubectlFailed(f"The rollout {model.name} cannot be changed: {done.stderr.strip()[-400:]}")

    def _people(self, told: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> str:
        """Return what the log notes of who released what somebody agrees to.

        Raises:
            Refused: it is the same person.
        """
        given = self._given
        if given["does"] != "approve" or given["measure_again"] or not given["two_people"]:
            return ""
        version = told["release"]["version"]
        releaser = released_by(entries, told["engine"], told["model"], version)
        return require_another(given["who"], releaser, version, given["alone"])

    def _entry(self, told: Mapping[str, Any], people: str) -> dict[str, str]:
        stable, release = told["stable"] or {}, told["release"] or {}
        before, after = (release, stable) if self._given["does"] == "rollback" else (stable, release)
        entry = self._line(told, self._given["does"], before.get("version", ""), after.get("version", ""))
        scheduled = {"scheduled": self._given["scheduled"]} if self._given["scheduled"] else {}
        return {**entry, "note": " ".join(part for part in (f"{told['words']}.", people) if part), **scheduled}

    def _released(self, model: Model, entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        before = model.version(model.stable) if model.stable and not is_first(model, entries) else ""
        return self._line({"engine": model.engine, "model": model.name}, "deploy", before, model.wanted_version)

    def _line(self, told: Mapping[str, Any], command: str, before: str, after: str) -> dict[str, str]:
        return {
            "who": self._given["who"], "login": self._login, "command": command, "engine": told["engine"],
            "model": told["model"], "from": before, "to": after, "reason": self._given["reason"], "note": "",
        }  # fmt: skip


def _by_the_log(told: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how a model is, with what the log has of it: who took a release back, and what is scheduled."""
    return {**told, "words": _by_whom(told, entries), "schedule": shown(entries, told["engine"], told["model"])}


def _by_whom(told: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> str:
    if told["words"] != _BY_HAND:
        return str(told["words"])
    wanted = ("rollback", told["engine"], told["model"], told["release"]["version"])
    for entry in reversed(entries):
        if tuple(entry.get(key) for key in ("command", "engine", "model", "from")) == wanted:
            return f"taken back by {entry['who']}: {entry['reason']}"
    return _BY_HAND
