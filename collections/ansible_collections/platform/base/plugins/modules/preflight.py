"""Judge hosts by what components want of them: each by itself, and all beside each other."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Judge hosts before anything is installed, and tell all that is wrong at once
description:
  - Asks each host what is not known of it yet, by M(platform.base.host_probe), and judges it by checks.
  - What a component wants of its hosts is C(__<component>_checks) in C(vars/preflight.yml) of its role.
  - Changes nothing. The checks there are, and what they take, are in docs/operations/preflight-checks.md.
  - Every check also takes C(when), whether it is wanted, and C(setting), the variable its cure names.
  - Where C(platform_preflight_collect) is true it never fails, and leaves it to whoever reads the reports.
options:
  components:
    description: Whose checks are made, on those of the play's hosts that each of them looks at.
    type: list
    elements: str
    required: true
  judge:
    description: Whether to judge. Hosts are compared only after a task before has asked them all.
    type: bool
    default: true
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: preflight | Ask the hosts what the checks want to know
  platform.base.preflight:
    components: [kubernetes]
    judge: false

- name: preflight | The hosts can be nodes of one cluster
  platform.base.preflight:
    components: [kubernetes]
"""

RETURN = r"""
platform_report:
  description: Every problem as C(check), C(host), C(severity), C(message), C(cure) and C(component), all C(preflight).
  returned: always
  type: dict
"""
