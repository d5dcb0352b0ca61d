#!/usr/bin/python
"""Read what backups are written with out of the site's Vault, and make the password of what they are encrypted with."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_keys
short_description: Read the keys of backups out of the site's Vault
description:
  - The password that volumes' bytes are encrypted with is at C(platform/velero/repository), and the key of a second
    site at C(platform/velero/second-site). The password is made when there is none, and never made anew.
extends_documentation_fragment: [platform.base.vault]
options:
  state:
    description: Whether they shall be there, or be forgotten.
    type: str
    choices: [present, absent]
    default: present
  owner: {description: Who owns the bucket of the site's S3., type: str, required: true}
  second_site: {description: Whether there is one., type: bool, default: false}
  given:
    description: "Keys of the second site: an INI file's text, with a section C(second-site)."
    type: str
    default: ""
  seconds: {description: How long Vault may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Read the keys
  backup_keys:
    vault: "{{ platform_vault_access }}"
    owner: velero
"""

RETURN = r"""
store:
  description: The C(access_key), C(secret_key), C(url) and C(region) of the site's S3.
  returned: always
  type: dict
second_site: {description: "The second site's C(access_key) and C(secret_key).", returned: always, type: dict}
password: {description: What volumes' bytes are encrypted with., returned: always, type: str}
"""

import secrets
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.s3_store import given_keys
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    forget_secrets,
    read_secret,
    vault_of,
    write_secret,
)

FOLDER = "velero"
REPOSITORY, SECOND_SITE = "repository", "second-site"
NOTHING: dict[str, Any] = {"changed": False, "store": {}, "second_site": {}, "password": ""}


def second_key(there: Mapping[str, Any], given: str) -> dict[str, str]:
    """Return the key of the second site.

    Raises:
        VaultProblem: nobody said which.
    """
    key = {**there, **given_keys(given, [SECOND_SITE]).get(SECOND_SITE, {})}
    if not key:
        raise VaultProblem(
            "Nobody knows the access key of the second site. Write it into the file that "
            f"`velero_second_site_keys_file` names, in a section [{SECOND_SITE}], as aws_access_key_id and "
            "aws_secret_access_key."
        )
    return key


def settle(client: Any, given: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Bring what Vault holds to what is wanted, and return it.

    Raises:
        VaultProblem: a key is nowhere.
    """
    store = read_secret(client, f"object_storage/{given['owner']}")
    if not store and not check_mode:
        raise VaultProblem(
            f"The Vault has no access key of {given['owner']}. Is there a bucket of that owner among "
            "`object_storage_buckets`? Deploy the object storage again."
        )
    kept = {name: read_secret(client, f"{FOLDER}/{name}") for name in (REPOSITORY, SECOND_SITE)}
    wanted = {REPOSITORY: kept[REPOSITORY] or {"password": secrets.token_urlsafe(32)}}
    if given["second_site"]:
        wanted[SECOND_SITE] = second_key(kept[SECOND_SITE], given["given"])
    changed = [name for name, content in wanted.items() if content != kept[name]]
    for name in changed if not check_mode else []:
        write_secret(client, f"{FOLDER}/{name}", wanted[name])
    return {
        "changed": bool(changed), "store": store, "second_site": wanted.get(SECOND_SITE, {}),
        "password": wanted[REPOSITORY]["password"],
    }  # fmt: skip


def forget(client: Any, check_mode: bool) -> dict[str, Any]:
    """Forget the password and the second site's key: nobody can read volumes' bytes any more."""
    paths = [f"{FOLDER}/{name}" for name in (REPOSITORY, SECOND_SITE)]
    return {**NOTHING, "changed": forget_secrets(client, paths, check_mode)}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "owner": {"type": "str", "required": True},
            "second_site": {"type": "bool", "default": False},
            "given": {"type": "str", "no_log": True, "default": ""},
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        with vault_of(given) as client:
            if given["state"] == "absent":
                result = forget(client, module.check_mode)
            else:
                result = settle(client, given, module.check_mode)
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
