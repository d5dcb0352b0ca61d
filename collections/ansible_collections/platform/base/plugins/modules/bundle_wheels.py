#!/usr/bin/python
"""Unpack wheels of the bundle into a folder that Python programs can be pointed at."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_wheels
short_description: Unpack wheels of the bundle into a folder
description:
  - A wheel is a ZIP file of what Python imports; nothing of it is run. The folder is made whole and then put in place.
options:
  wheels: {description: "Wheels by scope, as C(platform_artifacts.wheels) has them.", type: dict, required: true}
  component: {description: The component whose wheels are wanted., type: str, required: true}
  bundle: {description: The bundle's folder on this host., type: path, required: true}
  folder: {description: Where the libraries go., type: path, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Unpack the library of the Vault
  platform.base.bundle_wheels:
    wheels: "{{ platform_artifacts.wheels }}"
    component: vault
    bundle: /srv/platform/bundle
    folder: /opt/platform/vault
"""

RETURN = r"""
libraries: {description: Names and versions., returned: always, type: list, elements: str}
"""

import hashlib
import os
import shutil
import sys
import zipfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.originals import Memory

_MARK = ".digests"


class WheelRefused(Exception):
    """A wheel of the bundle is not the one the bundle names."""


def unpacked(folder: str) -> str:
    """Return what a folder says it was unpacked from, or an empty text."""
    try:
        with open(os.path.join(folder, _MARK), encoding="ascii") as stream:
            return stream.read()
    except OSError:
        return ""


def unpack(wheels: list[dict[str, Any]], bundle: str, folder: str, wanted: str) -> None:
    """Unpack wheels beside the folder, then put them in its place.

    Args:
        wanted: what the folder shall say it was unpacked from.
    """
    half = f"{folder}.half"
    Memory().note(folder)
    shutil.rmtree(half, ignore_errors=True)
    for wheel in wheels:
        source = os.path.join(bundle, wheel["path"])
        with open(source, "rb") as stream:
            if "sha256:" + hashlib.sha256(stream.read()).hexdigest() != wheel["digest"]:
                raise WheelRefused(f"{source} is not the wheel the bundle names.")
        with zipfile.ZipFile(source) as archive:
            archive.extractall(half)
    with open(os.path.join(half, _MARK), "w", encoding="ascii") as stream:
        stream.write(wanted)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    os.replace(half, folder)


def main() -> None:
    """Run the module."""
    path = {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "wheels": {"type": "dict", "required": True},
            "component": {"type": "str", "required": True},
            "bundle": path,
            "folder": path,
        },
        supports_check_mode=True,
    )
    scope = f"python{sys.version_info.major}.{sys.version_info.minor}"
    wheels = [w for w in module.params["wheels"].get(scope, []) if module.params["component"] in w["needed_by"]]
    if not wheels:
        module.fail_json(
            msg=f"The bundle holds no wheels of {module.params['component']} for {scope}; "
            "add this host's release to `platform_debian_targets`."
        )
    wanted = "\n".join(sorted(wheel["digest"] for wheel in wheels))
    changed = unpacked(module.params["folder"]) != wanted
    if changed and not module.check_mode:
        try:
            unpack(wheels, module.params["bundle"], module.params["folder"], wanted)
        except (OSError, WheelRefused) as error:
            module.fail_json(msg=f"The wheels could not be unpacked: {error}")
    module.exit_json(changed=changed, libraries=sorted(f"{wheel['name']} {wheel['version']}" for wheel in wheels))


if __name__ == "__main__":
    main()
