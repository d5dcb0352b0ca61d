#!/usr/bin/python
"""Count the files a component put together for a backup."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_files
short_description: Count the files a component put together for a backup
description:
  - Returns their sizes and digests, which the set's manifest holds. Whoever logged in may then read them, to take them
    away; they are encrypted.
options:
  folder: {description: Where the files are., type: path, required: true}
  holds: {description: "What they hold, as names and numbers an operator understands.", type: dict, default: {}}
  as_of: {description: "The moment they show, in UTC by ISO 8601.", type: str, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Count the files
  platform.base.backup_files:
    folder: /var/lib/platform/backup/vault
    holds: {secrets: 12}
    as_of: 2026-01-31T12:00:00+00:00
"""

RETURN = r"""
files: {description: "Of each file C(path), C(size) and C(sha256).", returned: always, type: list, elements: dict}
platform_report: {description: The same for the manifest., returned: always, type: dict}
"""

import hashlib
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

_CHUNK = 1 << 20


def counted(path: str, name: str) -> dict[str, Any]:
    """Return a file's name, size and digest."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return {"path": name, "size": size, "sha256": digest.hexdigest()}


def let_read(folder: str, paths: list[str], user: str | None) -> None:
    """Let whoever logged in read the files, where that is not root."""
    if user is None:
        return
    os.chmod(folder, 0o711)
    for path in paths:
        os.chown(path, int(user), -1)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "holds": {"type": "dict", "default": {}},
            "as_of": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    folder = module.params["folder"]
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    if not names:
        module.fail_json(msg=f"There is nothing in {folder} that could be kept.")
    files = [counted(os.path.join(folder, name), name) for name in names]
    let_read(folder, [os.path.join(folder, name) for name in names], os.environ.get("SUDO_UID"))
    told = {"files": files, "holds": module.params["holds"], "as_of": module.params["as_of"]}
    module.exit_json(changed=False, files=files, platform_report={"backup": told})


if __name__ == "__main__":
    main()
