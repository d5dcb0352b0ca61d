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
        under way. C(note) writes down that rollouts were applied. C(schedule) writes down an approval for a later time,
        C(cancel) that it does not hold any more, and C(schedules) says which there are.
    type: str
    choices: [look, approve, rollback, note, schedule, cancel, schedules]
    default: look
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  engines: {description: "Namespaces of models, by the component that serves them.", type: dict, required: true}
  audit_log: {description: The audit log., type: path, required: true}
  who: {description: Who asks for it., type: str, default: ""}
  model: {description: "The model, by C(NAME) or C(ENGINE/NAME); all when empty.", type: str, default: ""}
  reason: {description: "Why, for the audit log.", type: str, default: ""}
  without_verdict: {description: Whether to agree although measurements are waited for., type: bool, default: false}
  measure_again: {description: Whether to begin a judgement anew that came to nothing., type: bool, default: false}
  alone: {description: Why who released it may agree to it himself., type: str, default: ""}
  two_people: {description: Whether another has to agree than who released it., type: bool, default: true}
  version: {description: The only version that is agreed to., type: str, default: ""}
  begins: {description: "From when a schedule holds, in UTC.", type: str, default: ""}
  ends: {description: "Until when, in UTC.", type: str, default: ""}
  once: {description: Whether the first look in that time decides., type: bool, default: true}
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
    of it now. C(schedules), or the C(schedule) that is cancelled, and the time C(now). C(refused) has a C(summary) and
    a C(hint).
  returned: always
  type: dict
"""

import os
import pwd
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditFailed, AuditLog
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused
from ansible_collections.platform.base.plugins.module_utils.release_desk import Releases
from ansible_collections.platform.base.plugins.module_utils.release_timetable import Timetable

DOES = ["look", "approve", "rollback", "note", "schedule", "cancel", "schedules"]


def done(given: dict[str, Any], dry: bool) -> dict[str, Any]:
    """Do what is asked, and return what there is to say of it.

    Raises:
        Refused: it does not fit how the model is.
        AuditFailed: it cannot be written down, so that it is not done.
        KubectlFailed: the cluster does not tell, or does not take it.
    """
    login = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    cluster, log, does = Kubectl(given["kubeconfig"]), AuditLog(given["audit_log"]), given["does"]
    releases = Releases(cluster, log, {**given, "scheduled": ""}, login)
    timetable = Timetable(cluster, log, given, login, time.time)
    if does == "look":
        return releases.look()
    if does == "schedules":
        return timetable.listed()
    if does == "note":
        return {"lines": []} if dry else releases.note()
    acts = {"schedule": timetable.schedule, "cancel": timetable.cancel}
    return acts.get(does, releases.act)(dry)


def main() -> None:
    """Run the module."""
    text, flag = {"type": "str", "default": ""}, {"type": "bool", "default": False}
    module = AnsibleModule(
        argument_spec={
            "does": {"type": "str", "choices": DOES, "default": "look"},
            "kubeconfig": {"type": "path", "required": True}, "engines": {"type": "dict", "required": True},
            "audit_log": {"type": "path", "required": True}, "who": text, "model": text, "reason": text,
            "without_verdict": flag, "measure_again": flag, "alone": text,
            "two_people": {"type": "bool", "default": True},
            "version": text, "begins": text, "ends": text, "once": {"type": "bool", "default": True},
            "objects": {"type": "list", "elements": "str", "default": []},
            "other_than": text, "seconds": {"type": "float", "default": 20.0},
        },
        supports_check_mode=True,
    )  # fmt: skip
    given = module.params
    try:
        said = done(given, module.check_mode)
        reads = given["does"] in ("look", "schedules")
        module.exit_json(changed=bool(said["lines"]) if given["does"] == "note" else not reads, said=said)
    except Refused as refusal:
        module.exit_json(changed=False, said={"refused": refusal.told()})
    except (KubectlFailed, AuditFailed) as failure:
        module.fail_json(msg=str(failure))


if __name__ == "__main__":
    main()
