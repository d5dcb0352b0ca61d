#!/usr/bin/python
"""Ask a registry for an image by its digest, as a container runtime does, and for one it does not have."""

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_pull
short_description: Pull from a registry, from the host the task runs on
description:
  - Reads an image's manifest by its digest, and the smallest of what it names; every byte must be what its digest says.
  - An image that the registry does not have must be refused within C(seconds). Changes nothing.
options:
  address: {description: The registry's address., type: str, required: true}
  name: {description: The name its certificate is for., type: str, required: true}
  port: {description: The registry's port., type: int, required: true}
  authority: {description: "The certificate of its authority, as text.", type: str, required: true}
  image: {description: "An image's name, with its registry's.", type: str, required: true}
  digest: {description: The image's digest., type: str, required: true}
  unknown: {description: The name of an image the registry does not have., type: str}
  cure: {description: What to do when it does not answer., type: str, required: true}
  seconds: {description: How long an answer may take., type: float, default: 2}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Pull
  platform.base.registry_pull:
    address: 192.0.2.5
    name: seed.example.com
    port: 5000
    authority: "{{ authority }}"
    image: registry.k8s.io/pause
    digest: sha256:0000000000000000000000000000000000000000000000000000000000000000
    unknown: docker.io/library/not-there
    cure: Look at `journalctl -u platform-registry` on the admin host.
"""

RETURN = r"""
pulled: {description: Bytes that were pulled., returned: success, type: int}
"""

import ssl
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.registry_client import (
    NOT_FOUND,
    Registry,
    RegistryRefused,
)
from ansible_collections.platform.base.plugins.module_utils.web_door import Door, NoAnswer


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "address": text, "name": text, "port": {"type": "int", "required": True}, "authority": text,
            "image": text, "digest": text, "unknown": {"type": "str"}, "cure": text,
            "seconds": {"type": "float", "default": 2},
        },
        supports_check_mode=True,
    )  # fmt: skip
    given = module.params
    context = ssl.create_default_context(cadata=given["authority"])
    door = Door(given["address"], given["port"], given["name"], context, given["seconds"])
    try:
        pulled = Registry(door).pull(given["image"], given["digest"])
        began = time.monotonic()
        status = door.request("GET", f"/v2/{given['unknown']}/manifests/1").status if given["unknown"] else NOT_FOUND
    except (NoAnswer, RegistryRefused, ValueError, KeyError) as error:
        module.fail_json(msg=f"{given['name']} does not serve this host: {error}. {given['cure']}")
    if status != NOT_FOUND or time.monotonic() - began > given["seconds"]:
        took = f"{status} after {time.monotonic() - began:.1f} s"
        module.fail_json(
            msg=f"An image the bundle lacks was answered with {took}, not with 404 at once. {given['cure']}"
        )
    module.exit_json(changed=False, pulled=pulled)


if __name__ == "__main__":
    main()
