#!/usr/bin/python
"""Give a Vault new keys, and the platform a new secret to log in with; the old ones are refused afterwards."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_rotate
short_description: Rotate a Vault's encryption keys and the platform's own secret
description:
  - The secret the platform logs in with is made anew, tried, and only then is the old one destroyed. A run that was
    killed in between leaves both good; the next one goes on with it.
  - Encryption keys get a new version. What was encrypted with an older one can be read, and nothing more is encrypted
    with it. The key that the Vault encrypts its own storage with is made anew, too.
extends_documentation_fragment: [platform.base.vault]
options:
  keys: {description: Encryption keys of C(transit)., type: list, elements: str, default: []}
  seconds: {description: How long the servers may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Rotate them
  platform.base.vault_rotate:
    vault: "{{ platform_vault_access }}"
    keys: [backups]
"""

RETURN = r"""
told: {description: What was rotated., returned: always, type: list, elements: str}
"""

import base64
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.vault_parts import ACCOUNT
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    Kept,
    VaultProblem,
    client_of,
    kept_of,
    vault_of,
    wait_for,
)

_FOLLOW_SECONDS = 10


def rotate_secret(client: Any, kept: Kept, authority: str) -> str:
    """Make a secret to log in with, try it, keep it, and destroy the others.

    Raises:
        VaultProblem: the new one is refused, or the old one is taken still.
    """
    old = kept.read()["installer"]
    new = {**old, "secret_id": client.auth.approle.generate_secret_id(ACCOUNT)["data"]["secret_id"]}
    # A server that follows the leader knows of it a moment later; this asks the leader.
    if not wait_for(lambda: enters(client.url, authority, new), _FOLLOW_SECONDS):
        raise VaultProblem("The Vault refuses the secret it just made. Nothing was changed; run it again.")
    kept.write({"installer": new})
    for accessor in client.list(f"auth/approle/role/{ACCOUNT}/secret-id")["data"]["keys"]:
        told = client.auth.approle.read_secret_id_accessor(ACCOUNT, accessor)["data"]
        if told["secret_id_accessor"] != accessor_of(client, new):
            client.auth.approle.destroy_secret_id_accessor(ACCOUNT, accessor)
    if enters(client.url, authority, old):
        raise VaultProblem("The secret that was destroyed is still taken. Look at `journalctl -u platform-vault`.")
    return f"the secret of {ACCOUNT}"


def accessor_of(client: Any, account: Mapping[str, str]) -> str:
    """Return what a secret is known by to who may not see it."""
    return str(client.auth.approle.read_secret_id(ACCOUNT, account["secret_id"])["data"]["secret_id_accessor"])


def enters(url: str, authority: str, account: Mapping[str, str]) -> bool:
    """Return whether an account may log in; the token is given up at once."""
    from hvac.exceptions import Forbidden, InvalidRequest

    client = client_of(url, authority)
    try:
        client.auth.approle.login(**account)
    except (Forbidden, InvalidRequest):
        return False
    client.auth.token.revoke_self()
    return True


def rotate_key(client: Any, name: str) -> str:
    """Give an encryption key a new version, and encrypt nothing more with older ones.

    Raises:
        VaultProblem: something is encrypted with the old version still.
    """
    from hvac.exceptions import InvalidRequest

    transit = client.secrets.transit
    transit.rotate_key(name)
    latest = int(transit.read_key(name)["data"]["latest_version"])
    client.write_data(f"transit/keys/{name}/config", data={"min_encryption_version": latest})
    asked = {"plaintext": base64.b64encode(b"probe").decode(), "key_version": latest - 1}
    try:
        client.write_data(f"transit/encrypt/{name}", data=asked)
    except InvalidRequest:
        return f"the key {name}, now version {latest}"
    raise VaultProblem(f"The Vault still encrypts with version {latest - 1} of the key {name}.")


def rotate_storage(client: Any) -> str:
    """Make anew what the Vault encrypts its storage with.

    Raises:
        VaultProblem: it did not.
    """
    before = client.sys.get_encryption_key_status()["data"]["term"]
    client.sys.rotate_encryption_key()
    after = client.sys.get_encryption_key_status()["data"]["term"]
    if after <= before:
        raise VaultProblem(f"The storage's key is still of term {before}.")
    return f"the storage's key, now of term {after}"


def rotate(given: Mapping[str, Any]) -> list[str]:
    """Rotate all of it, and return what was."""
    access = given["vault"]
    with vault_of(given) as client:
        told = [rotate_storage(client), *(rotate_key(client, name) for name in given["keys"])]
        told.append(rotate_secret(client, kept_of(access), access["ca_certificate"]))
    return told


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, told=[])
    try:
        with kept_of(module.params["vault"]).alone():
            told = rotate(module.params)
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=True, told=told)


if __name__ == "__main__":
    main()
