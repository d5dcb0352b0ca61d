#!/usr/bin/python
"""Read an audit log, and see whether it is what was written."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_log
short_description: Read an audit log, and see whether it is what was written
description:
  - Each line holds the digest of the line before it. Reads and changes nothing.
options:
  path: {description: The log., type: path, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Read who moved releases
  platform.base.audit_log: {path: /var/lib/platform/audit/models.jsonl}
"""

RETURN = r"""
said:
  description: >-
    C(entries), the oldest first, and C(verdict): how many C(lines) are whole, the C(digest) of the last, the bytes of
    a line that is C(torn), and what is C(broken), if anything, with its C(line), C(expected) and C(found) digest and
    C(why).
  returned: always
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditFailed, AuditLog


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
    path = module.params["path"]
    try:
        entries, verdict = AuditLog(path).read()
    except AuditFailed as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(changed=False, said={"path": path, "entries": entries, "verdict": verdict.told()})


if __name__ == "__main__":
    main()
