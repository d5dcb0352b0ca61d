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
  unknown: {description: The name of an image the registry does not have., type: str, required: true}
  seconds: {description: How long an answer may take., type: float, default: 2}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Pull
  registry_pull:
    address: 192.0.2.5
    name: seed.example.com
    port: 5000
    authority: "{{ authority }}"
    image: registry.k8s.io/pause
    digest: sha256:0000000000000000000000000000000000000000000000000000000000000000
    unknown: docker.io/library/not-there
"""

RETURN = r"""
pulled: {description: Bytes that were pulled., returned: success, type: int}
"""

import hashlib
import http.client
import json
import ssl
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.web_door import Door, NoAnswer

_MANIFESTS = ", ".join(
    f"application/vnd.{name}+json"
    for name in (
        "oci.image.manifest.v1", "oci.image.index.v1",
        "docker.distribution.manifest.v2", "docker.distribution.manifest.list.v2",
    )
)  # fmt: skip


def pull(registry: Door, image: str, digest: str) -> int:
    """Pull a manifest and the smallest of what it names, and return the bytes."""
    manifest = fetch(registry, f"/v2/{image}/manifests/{digest}", digest)
    document = json.loads(manifest)
    if "manifests" in document:
        return len(manifest) + pull(registry, image, document["manifests"][0]["digest"])
    smallest = min([document["config"], *document["layers"]], key=lambda blob: int(blob["size"]))
    return len(manifest) + len(fetch(registry, f"/v2/{image}/blobs/{smallest['digest']}", smallest["digest"]))


def fetch(registry: Door, path: str, digest: str) -> bytes:
    """Return what a path holds.

    Raises:
        ValueError: the registry does not have it, or has something else.
    """
    status, _, content = registry.request("GET", path, {"Accept": _MANIFESTS})
    if status != http.client.OK:
        raise ValueError(f"{path} was answered with {status}")
    if "sha256:" + hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{path} holds other bytes than its digest says")
    return content


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "address": text, "name": text, "port": {"type": "int", "required": True}, "authority": text,
            "image": text, "digest": text, "unknown": text, "seconds": {"type": "float", "default": 2},
        },
        supports_check_mode=True,
    )  # fmt: skip
    given = module.params
    context = ssl.create_default_context(cadata=given["authority"])
    registry = Door(given["address"], given["port"], given["name"], context, given["seconds"])
    cure = "Look at `journalctl -u platform-registry` on the admin host."
    try:
        pulled = pull(registry, module.params["image"], module.params["digest"])
        began = time.monotonic()
        status = registry.request("GET", f"/v2/{given['unknown']}/manifests/1").status
    except (NoAnswer, ValueError, KeyError) as error:
        module.fail_json(msg=f"{module.params['name']} does not serve this host: {error}. {cure}")
    if status != http.client.NOT_FOUND or time.monotonic() - began > module.params["seconds"]:
        took = f"{status} after {time.monotonic() - began:.1f} s"
        module.fail_json(msg=f"An image the bundle lacks was answered with {took}, not with 404 at once. {cure}")
    module.exit_json(changed=False, pulled=pulled)


if __name__ == "__main__":
    main()
