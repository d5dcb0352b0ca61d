#!/usr/bin/python
"""Lay a registry's storage over a bundle's blobs, without a second copy of one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_tree
short_description: Lay a registry's storage over a bundle's blobs
description:
  - Writes the folders that CNCF distribution keeps images in, with each blob a link to the bundle's.
  - An image is kept under its whole upstream name, so that names of two registries never meet.
  - Images that the bundle does not hold are taken out of the tree.
options:
  bundle: {description: The bundle's folder., type: path, required: true}
  storage: {description: The registry's storage folder., type: path, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Offer the bundle's images
  platform.base.registry_tree: {bundle: /srv/platform/bundle, storage: /var/lib/platform/registry}
"""

RETURN = r"""
images:
  description: How many images the registry offers.
  returned: always
  type: int
"""

import json
import os
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply, difference

_ROOT = "docker/registry/v2"
_MANIFESTS = ("manifest", "index")


def hexadecimal(digest: str) -> str:
    """Return a digest without its algorithm."""
    return digest.removeprefix("sha256:")


def entries(manifest: dict[str, Any], bundle: str, storage: str) -> Iterator[Wanted]:
    """Yield every link of the tree."""
    root = os.path.join(storage, _ROOT)
    for item in manifest["items"]:
        if item["kind"] != "image":
            continue
        repository = os.path.join(root, "repositories", item["name"])
        tag = os.path.join(repository, "_manifests/tags", item["version"])
        link = item["digest"].encode()
        yield Wanted(os.path.join(tag, "current/link"), content=link, mode=0o644)
        yield Wanted(os.path.join(tag, "index/sha256", hexadecimal(item["digest"]), "link"), content=link, mode=0o644)
        for blob in item["blobs"]:
            name = hexadecimal(blob["digest"])
            kind = "_manifests/revisions" if any(word in blob["media_type"] for word in _MANIFESTS) else "_layers"
            yield Wanted(
                os.path.join(repository, kind, "sha256", name, "link"), content=blob["digest"].encode(), mode=0o644
            )
            yield Wanted(
                os.path.join(root, "blobs/sha256", name[:2], name, "data"),
                link=os.path.join(bundle, "oci/blobs/sha256", name),
            )


def strays(storage: str, wanted: set[str]) -> list[str]:
    """Return the files of the tree that no image of the bundle needs."""
    found = []
    for folder, below, files in os.walk(os.path.join(storage, _ROOT)):
        links = [name for name in below if os.path.islink(os.path.join(folder, name))]
        found += [os.path.join(folder, name) for name in [*files, *links] if os.path.join(folder, name) not in wanted]
    return found


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"bundle": {"type": "path", "required": True}, "storage": {"type": "path", "required": True}},
        supports_check_mode=True,
    )
    bundle, storage = module.params["bundle"], module.params["storage"]
    try:
        with open(os.path.join(bundle, "manifest.json"), encoding="utf-8") as stream:
            manifest = json.load(stream)
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"There is no readable bundle at {bundle} on this host: {error}. Mount or load it there.")
    wanted = list(entries(manifest, bundle, storage))
    changed = 0
    for entry in wanted:
        if difference(entry):
            changed += 1
            if not module.check_mode:
                apply(entry)
    left = strays(storage, {entry.path for entry in wanted})
    for path in left if not module.check_mode else ():
        os.unlink(path)
    images = sum(item["kind"] == "image" for item in manifest["items"])
    module.exit_json(changed=bool(changed or left), images=images)


if __name__ == "__main__":
    main()
