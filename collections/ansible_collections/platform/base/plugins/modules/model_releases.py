#!/usr/bin/python
"""Say how models and their releases are, and agree to a release or take it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_releases
short_description: Say how models and their releases are, and agree to one or take it back
description:
  - Whatever changes a release is written into an audit log before it is done, and again when it then failed.
  - What does not fit how a model is comes back as C(refused), and nothing is done.
options:
  does:
    description:
      - C(look) says how models are. C(approve) lets a release go on that waits, C(rollback) takes one back that is
        under way. C(note) writes down that rollouts were applied.
    type: str
    choices: [look, approve, rollback, note]
    default: look
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  engines: {description: "Namespaces of models, by the component that serves them.", type: dict, required: true}
  audit_log: {description: The audit log., type: path, required: true}
  who: {description: Who asks for it., type: str, default: ""}
  model: {description: "The model, by C(NAME) or C(ENGINE/NAME); all when empty.", type: str, default: ""}
  reason: {description: "Why, for the audit log.", type: str, default: ""}
  without_verdict: {description: Whether to agree although measurements are waited for., type: bool, default: false}
  measure_again: {description: Whether to begin a judgement anew that came to nothing., type: bool, default: false}
  objects:
    description: What was applied, as C(platform.base.cluster_objects) returns it; rollouts among it are noted.
    type: list
    elements: str
    default: []
  other_than: {description: "What C(seen) was; a look waits until it is otherwise.", type: str, default: ""}
  seconds: {description: How long a look waits for that., type: float, default: 20}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: See how models are
  platform.base.model_releases:
    kubeconfig: /etc/platform/kubeconfig
    engines: {llamacpp: llamacpp}
    audit_log: /var/lib/platform/audit/models.jsonl
"""

RETURN = r"""
said:
  description: >-
    Of a look C(models) and C(seen). Of what is done C(model), as it was before, and C(line), which the audit log has
    of it now. C(refused) has a C(summary) and a C(hint).
  returned: always
  type: dict
"""

import json
import os
import pwd
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditFailed, AuditLog
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.model_states import ROLLOUTS, Model, models_in, seen, state
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused, approval, chosen, taking_back

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
        return {"models": self._with_names(found), "seen": digest}

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
            return {"model": state(model), "line": {}}
        with self._log.to_oneself():
            model = self._model()
            change, told = self._change(model), state(model)
            line = self._log.append(self._entry(told))
            try:
                self._patch(model, change)
            except (KubectlFailed, Refused) as failure:
                failed = {"command": f"{self._given['does']} failed", "note": f"It was not done: {failure}"}
                self._log.append({**self._entry(told), **failed})
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
            return {"lines": [self._log.append(self._released(model)) for model in models]}

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

    def _entry(self, told: Mapping[str, Any]) -> dict[str, str]:
        stable, release = told["stable"] or {}, told["release"] or {}
        before, after = (release, stable) if self._given["does"] == "rollback" else (stable, release)
        entry = self._line(told, self._given["does"], before.get("version", ""), after.get("version", ""))
        return {**entry, "note": f"{told['words']}."}

    def _released(self, model: Model) -> dict[str, str]:
        before = model.version(model.stable) if model.stable else ""
        return self._line({"engine": model.engine, "model": model.name}, "deploy", before, model.wanted_version)

    def _line(self, told: Mapping[str, Any], command: str, before: str, after: str) -> dict[str, str]:
        return {
            "who": self._given["who"], "login": self._login, "command": command, "engine": told["engine"],
            "model": told["model"], "from": before, "to": after, "reason": self._given["reason"], "note": "",
        }  # fmt: skip

    def _with_names(self, states: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return states; one that somebody took back by hand says who it was."""
        if not any(told["words"] == _BY_HAND for told in states):
            return [dict(told) for told in states]
        entries, _ = self._log.read()
        return [{**told, "words": _by_whom(told, entries)} for told in states]


def _by_whom(told: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> str:
    if told["words"] != _BY_HAND:
        return str(told["words"])
    wanted = ("rollback", told["engine"], told["model"], told["release"]["version"])
    for entry in reversed(entries):
        if tuple(entry.get(key) for key in ("command", "engine", "model", "from")) == wanted:
            return f"taken back by {entry['who']}: {entry['reason']}"
    return _BY_HAND


def main() -> None:
    """Run the module."""
    text, flag = {"type": "str", "default": ""}, {"type": "bool", "default": False}
    module = AnsibleModule(
        argument_spec={
            "does": {"type": "str", "choices": ["look", "approve", "rollback", "note"], "default": "look"},
            "kubeconfig": {"type": "path", "required": True}, "engines": {"type": "dict", "required": True},
            "audit_log": {"type": "path", "required": True}, "who": text, "model": text, "reason": text,
            "without_verdict": flag, "measure_again": flag,
            "objects": {"type": "list", "elements": "str", "default": []},
            "other_than": text, "seconds": {"type": "float", "default": 20.0},
        },
        supports_check_mode=True,
    )  # fmt: skip
    given = module.params
    login = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    releases = Releases(Kubectl(given["kubeconfig"]), AuditLog(given["audit_log"]), given, login)
    try:
        if given["does"] == "look":
            module.exit_json(changed=False, said=releases.look())
        if given["does"] == "note":
            said = {"lines": []} if module.check_mode else releases.note()
            module.exit_json(changed=bool(said["lines"]), said=said)
        module.exit_json(changed=True, said=releases.act(module.check_mode))
    except Refused as refusal:
        module.exit_json(changed=False, said={"refused": refusal.told()})
    except (KubectlFailed, AuditFailed) as failure:
        module.fail_json(msg=str(failure))


if __name__ == "__main__":
    main()
