#!/usr/bin/python
"""Take the log of who moved releases into a set of a backup, or put it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_set
short_description: Take the log of who moved releases into a set of a backup, or put it back
description:
  - A log that goes on from the one in the set stays as it is. Any other is kept aside, and a line of the one that
    comes back says so.
extends_documentation_fragment: [platform.base.backup]
options:
  direction: {description: Where it goes., type: str, choices: [into_set, out_of_set], required: true}
  path: {description: The log., type: path, required: true}
  who: {description: Who puts it back., type: str, default: ""}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Copy the log
  audit_set:
    direction: into_set
    path: /var/lib/platform/audit/models.jsonl
    backup: "{{ platform_backup_access }}"
"""

RETURN = r"""
as_of: {description: "The moment before it was copied, in UTC by ISO 8601.", returned: into_set, type: str}
lines: {description: Lines of the copy., returned: always, type: int}
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils import backup_set
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditFailed, AuditLog
from ansible_collections.platform.base.plugins.module_utils.backup_set import ComponentFiles, this_moment
from ansible_collections.platform.base.plugins.module_utils.sealed import SealBroken

COMPONENT, FILE = "argo_rollouts", "audit.sealed"
# Any bytes go through it unchanged, those of a line that was cut off too.
_BYTES = "latin-1"


def into_set(log: AuditLog, files: ComponentFiles) -> dict[str, Any]:
    """Write the set's file, and say what it shows; a log that is not there is an empty one.

    Raises:
        AuditFailed: the log cannot be read.
    """
    moment = this_moment()
    content, head = log.copied()
    with files.sealing(FILE) as sealer:
        sealer.write(json.dumps({"log": content.decode(_BYTES), "head": head.decode(_BYTES)}).encode())
    return {"changed": False, "as_of": moment, "lines": content.count(b"\n")}


def out_of_set(log: AuditLog, files: ComponentFiles, who: str) -> dict[str, Any]:
    """Have the log be here that the set's file has.

    Raises:
        SealBroken: the file is not what was written.
        AuditFailed: the log cannot be written.
    """
    with files.unsealing(FILE) as stream:
        kept = json.loads(stream.read())
    content, head = kept["log"].encode(_BYTES), kept["head"].encode(_BYTES)
    entry = {
        "who": who, "login": "", "command": "restore", "engine": "", "model": "", "from": "", "to": "",
        "reason": f"the log of the set {files.set_id}",
    }  # fmt: skip
    with log.to_oneself():
        changed = log.put_back(content, head, entry)
    return {"changed": changed, "lines": content.count(b"\n")}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "direction": {"type": "str", "choices": ["into_set", "out_of_set"], "required": True},
            "path": {"type": "path", "required": True}, "who": {"type": "str", "default": ""},
            "backup": backup_set.ACCESS,
        },
        supports_check_mode=False,
    )  # fmt: skip
    given = module.params
    log, files = AuditLog(given["path"]), ComponentFiles(given["backup"], COMPONENT)
    try:
        told = into_set(log, files) if given["direction"] == "into_set" else out_of_set(log, files, given["who"])
    except (AuditFailed, SealBroken) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(**told)


if __name__ == "__main__":
    main()
