#!/usr/bin/python
"""Keep passwords of programs in the site's Vault, and read them out of it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_passwords
short_description: Keep passwords in the site's Vault
description:
  - Each lies at a path below what the platform keeps to itself. One that is there is never made anew.
extends_documentation_fragment: [platform.base.vault]
options:
  paths: {description: Where they are., type: list, elements: str, required: true}
  state:
    description: Whether they are made where there are none, must be there, or are forgotten.
    type: str
    choices: [made, there, absent]
    default: there
  seconds: {description: How long Vault may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Make the passwords of who uses the cache
  platform.base.vault_passwords:
    vault: "{{ platform_vault_access }}"
    paths: [valkey/inference-gateway]
    state: made
"""

RETURN = r"""
passwords: {description: "By path, the password.", returned: always, type: dict}
digest: {description: "Of all of them: it is another one when one of them is.", returned: always, type: str}
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
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

_FIELD = "password"


def settle(client: Any, given: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Bring what Vault keeps to what is wanted, and return it.

    Raises:
        VaultProblem: a password that must be there is not.
    """
    found = {path: read_secret(client, path).get(_FIELD, "") for path in given["paths"]}
    missing = [path for path, password in found.items() if not password]
    # In check mode what an earlier component would have made is not there.
    if missing and given["state"] == "there" and not check_mode:
        raise VaultProblem(
            f"The Vault has no password at {', '.join(missing)}. Deploy the component that makes it, which the first "
            "part of the path names, and see that its settings name who shall have one."
        )
    if given["state"] == "made":
        for path in missing:
            found[path] = secrets.token_urlsafe(32)
            if not check_mode:
                write_secret(client, path, {_FIELD: found[path]})
    digest = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
    return {"changed": bool(missing), "passwords": found, "digest": digest}


def forget(client: Any, given: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Forget the passwords that there are."""
    return {"changed": forget_secrets(client, given["paths"], check_mode), "passwords": {}, "digest": ""}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "paths": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["made", "there", "absent"], "default": "there"},
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )
    act = forget if module.params["state"] == "absent" else settle
    try:
        with vault_of(module.params) as client:
            result = act(client, module.params, module.check_mode)
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
