#!/usr/bin/python
"""Keep the access keys of an S3 in the site's Vault, and make those that are missing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_keys
short_description: Keep the access keys of an S3 in the site's Vault
description:
  - Each owner's key is at C(platform/object_storage/OWNER), with where the S3 answers; keys that are missing are made.
    What is there is never made anew.
extends_documentation_fragment: [platform.base.vault]
options:
  state:
    description: Whether the keys shall be there, or be forgotten.
    type: str
    choices: [present, absent]
    default: present
  owners: {description: Who has a key., type: list, elements: str, required: true}
  place: {description: "Where the S3 answers: C(url) and C(region).", type: dict, default: {}}
  given:
    description: "Keys that a site's own S3 has: an INI file's text, a section an owner. Then none is made."
    type: str
  formed: {description: Remember that the store was formed., type: bool, default: false}
  seconds: {description: How long Vault may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Keep the keys
  s3_keys:
    vault: "{{ platform_vault_access }}"
    owners: [velero]
    place: {url: "https://192.0.2.10:8333"}
"""

RETURN = r"""
access: {description: "By owner, C(access_key) and C(secret_key).", returned: always, type: dict}
inner: {description: What the store's parts sign with among each other., returned: always, type: dict}
formed: {description: Whether the store was formed before., returned: always, type: bool}
"""

import secrets
import string
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

FOLDER = "object_storage"
ADMINISTRATOR, INNER = "administrator", "inner"
_RESERVED = {ADMINISTRATOR, INNER}
NOTHING: dict[str, Any] = {"changed": False, "access": {}, "inner": {}, "formed": False}
_SIGNING = ("volume_signing", "filer_signing", "filer_reading")


def made_key() -> dict[str, str]:
    """Return a new access key, as long as AWS' are."""
    letters = string.ascii_uppercase + string.digits
    return {"access_key": "".join(secrets.choice(letters) for _ in range(20)), "secret_key": secrets.token_urlsafe(30)}


def wanted(there: Mapping[str, Any], owner: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the key an owner shall have.

    Raises:
        VaultProblem: a site's own S3 has one, and nobody said which.
    """
    if given is None:
        key = {name: there[name] for name in ("access_key", "secret_key") if name in there}
        return key if len(key) == 2 else made_key()
    if owner in given:
        return dict(given[owner])
    if "access_key" not in there:
        raise VaultProblem(
            f"Nobody knows the access key of {owner}. Write it into the file that `object_storage_existing_keys_file` "
            f"names, in a section [{owner}], as aws_access_key_id and aws_secret_access_key."
        )
    return {name: there[name] for name in ("access_key", "secret_key")}


def settle(client: Any, parameters: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Bring what Vault holds to what is wanted, and return it."""
    own = parameters["given"] is None
    given = None if own else given_keys(parameters["given"], parameters["owners"])
    changed, keys = False, {}
    for owner in [*parameters["owners"], *([ADMINISTRATOR] if own else [])]:
        there = read_secret(client, f"{FOLDER}/{owner}")
        keys[owner] = wanted(there, owner, given)
        if there != (new := {**keys[owner], **parameters["place"]}):
            changed = True
            if not check_mode:
                write_secret(client, f"{FOLDER}/{owner}", new)
    inner = there = read_secret(client, f"{FOLDER}/{INNER}") if own else {}
    if own:
        inner = {**{name: secrets.token_hex(32) for name in _SIGNING}, **there}
        inner["formed"] = inner.get("formed", False) or parameters["formed"]
        if inner != there:
            changed = True
            if not check_mode:
                write_secret(client, f"{FOLDER}/{INNER}", inner)
    return {"changed": changed, "access": keys, "inner": inner, "formed": there.get("formed", False)}


def forget(client: Any, owners: list[str], check_mode: bool) -> dict[str, Any]:
    """Forget every key."""
    paths = [f"{FOLDER}/{name}" for name in [*owners, *sorted(_RESERVED)]]
    return {**NOTHING, "changed": forget_secrets(client, paths, check_mode)}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "owners": {"type": "list", "elements": "str", "required": True},
            "place": {"type": "dict", "default": {}},
            "given": {"type": "str", "no_log": True},
            "formed": {"type": "bool", "default": False},
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )
    parameters = module.params
    if taken := sorted(_RESERVED & set(parameters["owners"])):
        module.fail_json(msg=f"No owner of buckets may be called {', '.join(taken)}; choose another name.")
    try:
        with vault_of(parameters) as client:
            if parameters["state"] == "absent":
                result = forget(client, parameters["owners"], module.check_mode)
            else:
                result = settle(client, parameters, module.check_mode)
    except ImportError:
        # The library goes with the component: who has it no more has kept nothing, or forgotten it before.
        if parameters["state"] == "present":
            raise
        result = NOTHING
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
