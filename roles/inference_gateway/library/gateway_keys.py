#!/usr/bin/python
"""Have the keys of the gateway's callers: made once, kept in the site's Vault, told to the gateway as hashes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_keys
short_description: Have the keys of the gateway's callers
description:
  - A key that is wanted and not there is made, and kept at C(platform/inference_gateway/keys) by C(TENANT/NAME). One
    that is not wanted any more is forgotten, and opens nothing.
  - What the gateway needs to know of them is returned, which is no secret.
extends_documentation_fragment: [platform.base.vault]
options:
  keys:
    description: Keys to have.
    type: list
    elements: dict
    default: []
    suboptions:
      tenant: {description: Whose it is., type: str, required: true}
      name: {description: What it is for., type: str, required: true}
  state:
    description: Whether those that are wanted are had, or all are forgotten.
    type: str
    choices: [present, absent]
    default: present
  seconds: {description: How long Vault may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Have them
  gateway_keys:
    vault: "{{ platform_vault_access }}"
    keys: [{tenant: radiology, name: report-assistant}]
"""

RETURN = r"""
records: {description: "What the gateway's file of keys holds.", returned: always, type: list, elements: dict}
made: {description: "Keys that were made, by C(TENANT/NAME).", returned: always, type: list, elements: str}
forgotten: {description: Keys that are not wanted any more., returned: always, type: list, elements: str}
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    forget_secrets,
    read_secret,
    vault_of,
    write_secret,
)

_KEPT, _RECORDS = "inference_gateway/keys", "inference_gateway/records"


def made(tenant: str, name: str, now: datetime) -> tuple[str, dict[str, Any]]:
    """Return a new key, and its record as the gateway reads it."""
    key_id = secrets.token_hex(6)
    key = f"aip_{key_id}_{secrets.token_urlsafe(32)}"
    # In the order in which Vault gives it back: the gateway's file is the same at the next run.
    record = {
        "created": now.isoformat(), "expires": None, "hash": hashlib.sha256(key.encode()).hexdigest(),
        "id": key_id, "note": name, "revoked": None, "tenant": tenant,
    }  # fmt: skip
    return key, record


def settle(client: Any, wanted: Sequence[Mapping[str, str]], check_mode: bool) -> dict[str, Any]:
    """Bring what Vault keeps to what is wanted, and return what the gateway needs to know."""
    kept, records = read_secret(client, _KEPT), read_secret(client, _RECORDS)
    names = {f"{key['tenant']}/{key['name']}": key for key in wanted}
    # A key without its record, or the other way round, is what a run that was killed left.
    there = [name for name in names if name in kept and name in records]
    new = {name: made(key["tenant"], key["name"], _now()) for name, key in names.items() if name not in there}
    forgotten = sorted({*kept, *records} - set(names))
    if (new or forgotten) and not check_mode:
        # First what is shown to nobody: a hash whose key is not kept opens nothing.
        after = {name: records[name] for name in there} | {name: record for name, (_, record) in new.items()}
        write_secret(client, _RECORDS, after)
        write_secret(
            client, _KEPT, {name: kept[name] for name in there} | {name: key for name, (key, _) in new.items()}
        )
        records = after
    return {
        "changed": bool(new or forgotten), "made": sorted(new), "forgotten": forgotten,
        "records": [records[name] for name in sorted(names) if name in records],
    }  # fmt: skip


def forget(client: Any, check_mode: bool) -> dict[str, Any]:
    """Forget all keys."""
    changed = forget_secrets(client, (_KEPT, _RECORDS), check_mode)
    return {"changed": changed, "records": [], "made": [], "forgotten": []}


def _now() -> datetime:
    return datetime.now(timezone.utc)  # noqa: UP017 - hosts may have an older Python


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "keys": {
                "type": "list", "elements": "dict", "default": [], "no_log": False,
                "options": {"tenant": text, "name": text},
            },
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )  # fmt: skip
    try:
        with vault_of(module.params) as client:
            if module.params["state"] == "absent":
                result = forget(client, module.check_mode)
            else:
                result = settle(client, module.params["keys"], module.check_mode)
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
