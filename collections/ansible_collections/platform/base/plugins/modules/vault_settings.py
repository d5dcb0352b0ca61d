#!/usr/bin/python
"""Bring a Vault's mounts, policies and accounts to what a site wants, and give its first token up."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_settings
short_description: Bring a Vault's mounts, policies and accounts to what a site wants
description:
  - The platform logs in with an account of its own, whose tokens live for minutes. The first time, it uses the token of
    the initialisation, makes the account, and revokes that token.
options:
  urls: {description: Servers and where they answer., type: dict, required: true}
  ca_certificate: {description: The authority of their certificates., type: path, required: true}
  secrets: {description: The file that is kept encrypted., type: path, required: true}
  passphrase: {description: What it is encrypted with., type: str, required: true}
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
  token_minutes: {description: Minutes a token of the platform's own is good for., type: int, default: 20}
  bound_addresses: {description: Networks the account may be used from., type: list, elements: str, default: []}
  seconds: {description: How long the servers may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Set it up
  platform.base.vault_settings:
    urls: {cp1: "https://192.0.2.11:8200"}
    ca_certificate: /etc/platform/ca.crt
    secrets: /etc/platform/vault/secrets
    passphrase: "{{ lookup('ansible.builtin.file', platform_ca_passphrase_file) }}"
    mounts: {platform: {type: kv, options: {version: "2"}}}
    policies: {platform-installer: 'path "platform/*" { capabilities = ["read"] }'}
"""

RETURN = r"""
told: {description: What was changed., returned: always, type: list, elements: str}
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.vault_site import Kept, VaultProblem, login

ACCOUNT = "platform-installer"

Change = tuple[str, Callable[[], Any]]


def of_audit(client: Any, wanted: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the audit devices that are missing."""
    there = client.sys.list_enabled_audit_devices()["data"] if wanted else {}
    for path, device in wanted.items():
        if f"{path}/" not in there:
            enable = partial(client.sys.enable_audit_device, device["type"], options=device.get("options"), path=path)
            yield f"audit {path}", enable


def of_mounts(client: Any, wanted: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the secret engines that are missing."""
    there = client.sys.list_mounted_secrets_engines()["data"]
    for path, engine in wanted.items():
        if f"{path}/" not in there:
            enable = partial(client.sys.enable_secrets_engine, engine["type"], path=path, options=engine.get("options"))
            yield f"mount {path}", enable


def of_keys(client: Any, wanted: list[str]) -> Iterator[Change]:
    """Yield the encryption keys that are missing."""
    from hvac.exceptions import InvalidPath

    def there() -> list[str]:
        try:
            return list(client.secrets.transit.list_keys()["data"]["keys"])
        except InvalidPath:
            return []

    for name in sorted(set(wanted) - set(there() if wanted else [])):
        yield f"key {name}", partial(client.secrets.transit.create_key, name)


def of_policies(client: Any, wanted: Mapping[str, str]) -> Iterator[Change]:
    """Yield the policies that are missing, or say something else."""
    there = client.sys.list_policies()["data"]["policies"]
    for name, text in wanted.items():
        if name not in there or client.sys.read_policy(name)["data"]["rules"] != text:
            yield f"policy {name}", partial(client.sys.create_or_update_policy, name, text)


def of_account(client: Any, token_minutes: int, bound: list[str]) -> Iterator[Change]:
    """Yield what the platform's own account lacks."""
    from hvac.exceptions import InvalidPath

    if "approle/" not in client.sys.list_auth_methods()["data"]:
        yield "login approle", partial(client.sys.enable_auth_method, "approle")
    wanted = {
        "token_policies": [ACCOUNT],
        "token_ttl": token_minutes * 60,
        "token_max_ttl": token_minutes * 60,
        "secret_id_bound_cidrs": bound,
        "token_bound_cidrs": bound,
    }
    try:
        found = client.auth.approle.read_role(ACCOUNT)["data"]
    except InvalidPath:
        found = {}
    # An empty list is told as nothing, and a network of one address by that.
    if any(_plain(found.get(name) or type(value)()) != _plain(value) for name, value in wanted.items()):
        yield f"account {ACCOUNT}", partial(client.auth.approle.create_or_update_approle, ACCOUNT, **wanted)


def _plain(value: Any) -> Any:
    return [entry.removesuffix("/32") for entry in value] if isinstance(value, list) else value


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
    kept = Kept(given["secrets"], given["passphrase"])
    known = kept.read()
    client = login(given["urls"], given["ca_certificate"], known, given["seconds"])
    parts = [
        of_audit(client, given["audit"]),
        of_mounts(client, given["mounts"]),
        of_keys(client, given["keys"]),
        of_policies(client, given["policies"]),
        of_account(client, given["token_minutes"], given["bound_addresses"]),
    ]
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
            "urls": {"type": "dict", "required": True},
            "ca_certificate": {"type": "path", "required": True},
            "secrets": {"type": "path", "required": True, "no_log": False},
            "passphrase": {"type": "str", "required": True, "no_log": True},
            "mounts": {"type": "dict", "default": {}},
            "keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "policies": {"type": "dict", "default": {}},
            "audit": {"type": "dict", "default": {}},
            "token_minutes": {"type": "int", "default": 20, "no_log": False},
            "bound_addresses": {"type": "list", "elements": "str", "default": []},
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )
    try:
        with Kept(module.params["secrets"], module.params["passphrase"]).alone():
            told = settle(module.params, module.check_mode)
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=bool(told), told=told)


if __name__ == "__main__":
    main()
