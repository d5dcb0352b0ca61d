#!/usr/bin/python
"""Take a snapshot of etcd into a set of a backup, or put it in again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: etcd_set
short_description: Take a snapshot of etcd into a set of a backup, or put it in again
description:
  - Runs on a control plane, and on all of them to put it in. The file has the snapshot, and what its content means
    nothing without. That is the key that secrets are encrypted with, and the cluster's authorities.
extends_documentation_fragment: [platform.base.backup]
options:
  direction: {description: Where it goes., type: str, choices: [into_set, out_of_set], required: true}
  files: {description: "Files to keep with it, as far as they are there.", type: list, elements: path, default: []}
  members: {description: "Names of etcd's members, and where they speak to each other.", type: dict, default: {}}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Take a snapshot
  etcd_set:
    direction: into_set
    files: [/etc/kubernetes/platform/encryption.yml]
    backup: "{{ platform_backup_access }}"
"""

RETURN = r"""
as_of: {description: "The moment before it was taken, in UTC by ISO 8601.", returned: into_set, type: str}
size: {description: Bytes of the snapshot., returned: always, type: int}
"""

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils import backup_set
from ansible_collections.platform.base.plugins.module_utils.backup_set import ComponentFiles, this_moment
from ansible_collections.platform.base.plugins.module_utils.sealed import SealBroken

COMPONENT, FILE, SNAPSHOT = "kubernetes", "etcd.sealed", "etcd.snapshot"
_CHUNK = 1 << 20
PROGRAM = "/usr/local/lib/platform/etcd-snapshot"


class SnapshotFailed(Exception):
    """etcd gave no snapshot, or one that is not whole."""


def run(*arguments: str) -> None:
    """Run the program that speaks to etcd.

    Raises:
        SnapshotFailed: it did not do it.
    """
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join(done.stderr.strip().splitlines()[-3:])
        raise SnapshotFailed(f"`etcd-snapshot {arguments[0]}` failed: {said}. Look at the etcd pods in kube-system.")


def into_set(beside: Sequence[str], files: ComponentFiles) -> dict[str, Any]:
    """Write the set's file, and say what it shows."""
    os.makedirs(files.folder, mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=files.folder) as clear:
        moment, snapshot = this_moment(), os.path.join(clear, SNAPSHOT)
        run("take", snapshot)
        size = os.path.getsize(snapshot)
        with files.sealing(FILE) as sealer:
            with tarfile.open(fileobj=cast("Any", sealer), mode="w|") as archive:
                archive.add(snapshot, SNAPSHOT)
                for name in beside:
                    if os.path.exists(name):
                        archive.add(name, name.lstrip("/"))
    return {"as_of": moment, "size": size}


def out_of_set(members: Mapping[str, str], files: ComponentFiles) -> dict[str, Any]:
    """Put the snapshot of the set's file into this host's etcd.

    Raises:
        SnapshotFailed: the file has none, or it cannot be put in.
    """
    with tempfile.TemporaryDirectory(dir=files.folder) as clear:
        snapshot = os.path.join(clear, SNAPSHOT)
        with files.unsealing(FILE) as stream:
            with tarfile.open(fileobj=cast("Any", stream), mode="r|") as archive, open(snapshot, "wb") as plain:
                first = archive.next()
                content = archive.extractfile(first) if first is not None and first.name == SNAPSHOT else None
                if content is None:
                    raise SnapshotFailed(f"{files.folder}/{FILE} has no snapshot.")
                shutil.copyfileobj(content, plain)
            # To its end, for only then it is known to be whole.
            while stream.read(_CHUNK):
                pass
        run("put", snapshot, ",".join(f"{name}={url}" for name, url in members.items()), f"platform-{files.set_id}")
        return {"size": os.path.getsize(snapshot)}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "direction": {"type": "str", "choices": ["into_set", "out_of_set"], "required": True},
            "files": {"type": "list", "elements": "path", "default": []},
            "members": {"type": "dict", "default": {}},
            "backup": backup_set.ACCESS,
        },
        supports_check_mode=False,
    )
    given, taken = module.params, module.params["direction"] == "into_set"
    files = ComponentFiles(given["backup"], COMPONENT)
    try:
        told = into_set(given["files"], files) if taken else out_of_set(given["members"], files)
    except (SnapshotFailed, SealBroken, tarfile.TarError) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=not taken, **told)


if __name__ == "__main__":
    main()
