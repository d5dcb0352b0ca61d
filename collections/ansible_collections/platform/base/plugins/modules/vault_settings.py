#!/usr/bin/python
"""Bring a Vault's mounts, policies and accounts to what a site wants, and give its first token up."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_settings
short_description: Bring a Vault's mounts, policies and accounts to what a site wants
description:
  - The platform logs in with an account of its own, whose tokens live for minutes. The first time, it uses the token of
    the initialisation, makes the account, and revokes that token.
extends_documentation_fragment: [platform.base.vault]
options:
  mounts:
    description: "Secret engines by path: C(type), and C(options)."
    type: dict
    default: {}
  keys: {description: Encryption keys of C(transit)., type: list, elements: str, default: []}
  policies: {description: Policies by name., type: dict, default: {}}
  audit:
    description: "Audit devices by path, for a server without settings of its own for them: C(type), C(options)."
    type: dict
    default: {}
  authority:
    description:
      - "An authority below the platform's own: C(mount), C(common_name), C(days), C(renew_days), C(certificate) and
        C(key) (files of who signs it), C(urls), C(roles), and what they have in C(common)."
      - Fields of addresses and roles are those of the server's own documentation.
    type: dict
    default: {}
  kubernetes:
    description: The cluster that workloads log in from.
    type: dict
    suboptions:
      host: {description: Where its API answers., type: str, required: true}
      authority: {description: "Who its API is known by, in PEM.", type: str, required: true}
      reviewer: {description: The token that asks the API whose a token is., type: str, required: true}
  workload_policies:
    description: Policies by name; C(@kubernetes@) in them stands for the way workloads log in.
    type: dict
    default: {}
  workloads:
    description: Accounts of workloads by name, with the fields of the server's own documentation.
    type: dict
    default: {}
  absent: {description: Paths of what shall not be there., type: list, elements: str, default: []}
  token_minutes:
    description: Minutes a token of the platform's own account is good for; its account stays as it is when not given.
    type: int
  bound_addresses: {description: Networks the account may be used from., type: list, elements: str, default: []}
  seconds: {description: How long the servers may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Set it up
  platform.base.vault_settings:
    vault: "{{ platform_vault_access }}"
    mounts: {platform: {type: kv, options: {version: "2"}}}
    policies: {platform-installer: 'path "platform/*" { capabilities = ["read"] }'}
"""

RETURN = r"""
told: {description: What was changed., returned: always, type: list, elements: str}
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.authority import AuthorityProblem
from ansible_collections.platform.base.plugins.module_utils.vault_authority import of_authority
from ansible_collections.platform.base.plugins.module_utils.vault_parts import (
    ACCOUNT,
    of_absent,
    of_account,
    of_audit,
    of_keys,
    of_kubernetes,
    of_mounts,
    of_policies,
    of_workloads,
)
from ansible_collections.platform.base.plugins.module_utils.vault_site import ACCESS, Kept, VaultProblem, kept_of, login


def hand_over(client: Any, kept: Kept) -> None:
    """Make what the platform logs in with from now on, keep it, and give the first token up."""
    known = kept.read()
    role = client.auth.approle.read_role_id(ACCOUNT)["data"]["role_id"]
    secret = client.auth.approle.generate_secret_id(ACCOUNT)["data"]["secret_id"]
    kept.write({**known, "installer": {"role_id": role, "secret_id": secret}})
    client.token = known["root_token"]
    client.auth.token.revoke_self()
    kept.write({"installer": {"role_id": role, "secret_id": secret}})


def settle(given: Mapping[str, Any], check_mode: bool) -> list[str]:
    """Bring the Vault to what is wanted, and return what was changed."""
    access = given["vault"]
    kept = kept_of(access)
    known = kept.read()
    client = login(access["urls"], access["ca_certificate"], known, given["seconds"])
    parts = [
        of_audit(client, given["audit"]),
        of_mounts(client, given["mounts"]),
        of_keys(client, given["keys"]),
        of_policies(client, given["policies"]),
        of_authority(client, given["authority"], access["passphrase"]),
        of_kubernetes(client, given["kubernetes"]),
        of_policies(client, given["workload_policies"]),
        of_workloads(client, given["workloads"]),
        of_absent(client, given["absent"]),
    ]
    if given["token_minutes"] is not None:
        parts.append(of_account(client, given["token_minutes"], given["bound_addresses"]))
    told = []
    for part in parts:
        for what, make in part:
            told.append(what)
            if not check_mode:
                make()
    if client.token == known.get("root_token"):
        told.append("the first token, given up")
        if not check_mode:
            hand_over(client, kept)
    elif not check_mode:
        kept.write({"installer": known["installer"]})
        client.auth.token.revoke_self()
    return told


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "mounts": {"type": "dict", "default": {}},
            "keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "policies": {"type": "dict", "default": {}},
            "audit": {"type": "dict", "default": {}},
            "authority": {"type": "dict", "default": {}, "no_log": False},
            "kubernetes": {
                "type": "dict",
                "options": {
                    "host": {"type": "str", "required": True},
                    "authority": {"type": "str", "required": True},
                    "reviewer": {"type": "str", "required": True, "no_log": True},
                },
            },
            "workload_policies": {"type": "dict", "default": {}},
            "workloads": {"type": "dict", "default": {}},
            "absent": {"type": "list", "elements": "str", "default": []},
            "token_minutes": {"type": "int", "no_log": False},
            "bound_addresses": {"type": "list", "elements": "str", "default": []},
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )
    try:
        with kept_of(module.params["vault"]).alone():
            told = settle(module.params, module.check_mode)
    except (VaultProblem, AuthorityProblem) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=bool(told), told=told)


if __name__ == "__main__":
    main()
