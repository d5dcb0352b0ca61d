#!/usr/bin/python
"""Use a Vault as an application would: write, read, forget, and be refused."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_probe
short_description: Use a Vault as an application would
description:
  - Keeps a secret, reads it, forgets it, and gives the token up; then that token must be refused. Every server must be
    a voter of the cluster.
extends_documentation_fragment: [platform.base.vault]
options:
  seconds: {description: How long the servers may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Use it
  platform.base.vault_probe:
    vault: "{{ platform_vault_access }}"
"""

RETURN = r"""
asked: {description: "The path of the secret, which audit logs tell of.", returned: always, type: str}
leader: {description: The server that answered., returned: always, type: str}
"""

import secrets
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    MOUNT,
    VaultProblem,
    enter,
    read_secret,
    voters,
    wait_for,
)

_FOLLOW_SECONDS = 10


def keep_and_forget(client: Any, path: str) -> None:
    """Keep a secret, read it and forget it; a server that follows the leader may know of it a moment later.

    Raises:
        VaultProblem: it is not as it was kept, or there still.
    """
    value, store = {"value": secrets.token_hex(16)}, client.secrets.kv.v2
    store.create_or_update_secret(path, value, mount_point=MOUNT)
    same = wait_for(lambda: read_secret(client, path) == value, _FOLLOW_SECONDS)
    store.delete_metadata_and_all_versions(path, mount_point=MOUNT)
    if not same:
        raise VaultProblem(f"The secret {MOUNT}/{path} was not read as it was written.")
    if not wait_for(lambda: not read_secret(client, path), _FOLLOW_SECONDS):
        raise VaultProblem(f"The secret {MOUNT}/{path} can be read although it was deleted.")


def give_up(client: Any) -> None:
    """Give the token up, and see that it is refused.

    Raises:
        VaultProblem: it is not.
    """
    from hvac.exceptions import Forbidden

    def refused() -> bool:
        try:
            client.auth.token.lookup_self()
        except Forbidden:
            return True
        return False

    client.auth.token.revoke_self()
    if not wait_for(refused, _FOLLOW_SECONDS):
        raise VaultProblem("A token that was given up is still taken.")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )
    given, path = module.params, f"probe/{secrets.token_hex(8)}"
    try:
        client = enter(given["vault"], given["seconds"])
        leader = voters(client, given["vault"]["urls"], given["seconds"])
        keep_and_forget(client, path)
        give_up(client)
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=False, asked=path, leader=leader)


if __name__ == "__main__":
    main()
