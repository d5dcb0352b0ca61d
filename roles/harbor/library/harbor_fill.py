#!/usr/bin/python
"""Give the site's registry every image of the bundle, each with its signature."""

from __future__ import annotations

DOCUMENTATION = r"""
module: harbor_fill
short_description: Give the site's registry every image of the bundle
description:
  - An image is kept under its whole upstream name, whose first part is a project. What the registry has is left alone,
    and a blob that a sibling has is shared. A tag that may not be moved stays, and the image is there by its digest.
  - With C(sign) each gets a signature as cosign makes it, by a key that the Vault keeps; it is made when it is missing.
extends_documentation_fragment: [platform.base.vault]
options:
  address: {description: Where the registry answers., type: str, required: true}
  name: {description: Who it is., type: str, required: true}
  port: {description: Its port., type: int, default: 443}
  authority: {description: The authority of its certificate., type: path, required: true}
  bundle: {description: The bundle's folder., type: path, required: true}
  sign: {description: Whether images are signed., type: bool, required: true}
  public_key: {description: The file that the public key is kept in., type: path, required: true}
  seconds: {description: How long Vault may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Fill it
  harbor_fill:
    vault: "{{ platform_vault_access }}"
    address: 192.0.2.64
    name: registry.example.com
    authority: /etc/platform/ca.crt
    bundle: /srv/platform/bundle
    sign: true
    public_key: /etc/platform/harbor/cosign.pub
"""

RETURN = r"""
there: {description: How many images it had., returned: always, type: int}
pushed: {description: The images it has now., returned: always, type: list, elements: str}
kept_tags: {description: Images whose tag means another one there., returned: always, type: list, elements: str}
left: {description: Images the bundle has a part of only., returned: always, type: list, elements: str}
signed: {description: The images that were signed., returned: always, type: list, elements: str}
shared: {description: How many blobs were had from a sibling., returned: always, type: int}
sent_bytes: {description: How much was sent., returned: always, type: int}
"""

import os
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.harbor_account import ADMIN, administrator_password
from ansible_collections.platform.base.plugins.module_utils.harbor_api import HarborRefused
from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply, difference
from ansible_collections.platform.base.plugins.module_utils.image_signatures import is_signed, made_key, sign
from ansible_collections.platform.base.plugins.module_utils.registry_client import Registry, RegistryRefused
from ansible_collections.platform.base.plugins.module_utils.registry_fill import Filler, images_of
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    read_secret,
    vault_of,
    write_secret,
)
from ansible_collections.platform.base.plugins.module_utils.web_door import ARGUMENTS as DOOR
from ansible_collections.platform.base.plugins.module_utils.web_door import Door, NoAnswer, door_of

# Sending a large layer over a busy network.
_SECONDS = 600.0


def secrets_of(parameters: Mapping[str, Any], door: Door, wet: bool) -> tuple[str, dict[str, str]]:
    """Return the administrator's password, and the pair of keys to sign with.

    Raises:
        HarborRefused: the administrator is not let in.
    """
    with vault_of(parameters) as client:
        password = administrator_password(client, door, wet)
        keys = read_secret(client, "harbor/signing") if parameters["sign"] else {}
        if parameters["sign"] and not keys:
            keys = made_key()
            if wet:
                write_secret(client, "harbor/signing", keys)
    return password, keys


def sign_all(
    registry: Registry, items: list[dict[str, Any]], keys: Mapping[str, str], host: str, wet: bool
) -> list[str]:
    """Sign the images that have no signature of the key, and return them.

    Raises:
        RegistryRefused: a signature is not taken.
    """
    signed = []
    for item in items:
        if not is_signed(registry, item["name"], item["digest"], keys["public_key"]):
            signed.append(f"{item['name']}:{item['version']}")
            if wet:
                sign(registry, item["name"], item["digest"], keys["private_key"], host)
    return signed


def fill(parameters: Mapping[str, Any], wet: bool) -> dict[str, Any]:
    """Fill and sign, and return what was done.

    Raises:
        HarborRefused, NoAnswer, RegistryRefused, VaultProblem: it cannot be done.
        OSError, ValueError: the bundle is none.
    """
    door = door_of(parameters, _SECONDS)
    password, keys = secrets_of(parameters, door, wet)
    registry = Registry(door, ADMIN, password)
    items = images_of(parameters["bundle"])
    done = Filler(registry, parameters["bundle"], wet).fill(items)
    whole = [item for item in items if f"{item['name']}:{item['version']}" not in done.left]
    signed = sign_all(registry, whole, keys, parameters["name"], wet) if keys else []
    told = Wanted(parameters["public_key"], content=keys.get("public_key", "").encode(), mode=0o644)
    new_key = bool(keys) and bool(difference(told))
    if new_key and wet:
        os.makedirs(os.path.dirname(parameters["public_key"]), exist_ok=True)
        apply(told)
    return {
        "changed": bool(done.pushed or signed or new_key), "there": len(done.there), "pushed": done.pushed,
        "kept_tags": done.kept_tags, "left": done.left, "signed": signed, "shared": done.shared,
        "sent_bytes": done.sent_bytes,
    }  # fmt: skip


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "seconds": {"type": "float", "default": 120},
            **DOOR,
            "bundle": {"type": "path", "required": True},
            "sign": {"type": "bool", "required": True},
            "public_key": {"type": "path", "required": True, "no_log": False},
        },
        supports_check_mode=True,
    )
    cure = "Look at `kubectl -n harbor get pods`, and run again: it goes on where it stopped."
    try:
        result = fill(module.params, not module.check_mode)
    except (HarborRefused, NoAnswer, RegistryRefused) as problem:
        module.fail_json(msg=f"The registry could not be filled: {problem} {cure}")
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"There is no whole bundle at {module.params['bundle']}: {error}. Load it there.")
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
