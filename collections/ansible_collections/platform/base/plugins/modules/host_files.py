#!/usr/bin/python
"""Put a role's files in place, all in one task."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_files
short_description: Put files, folders and links in place
description:
  - Takes a list, so that a role needs one task for all its files.
  - Each file is either the old one or the new one, never half of one.
options:
  files:
    description: What shall be where.
    type: list
    elements: dict
    required: true
    suboptions:
      path: {description: Where., type: path, required: true}
      content: {description: What a file holds., type: str}
      from_file: {description: A file on the same host to copy., type: path}
      link: {description: What a symbolic link points to., type: str}
      state: {description: What the path is., type: str, choices: [file, directory, absent], default: file}
      mode: {description: Permissions, octal., type: str}
      owner: {description: Owner., type: str, default: root}
      group: {description: Group., type: str, default: root}
      validate: {description: A command that judges the new file; C(%s) is its name., type: str}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Put the time server's settings in place
  platform.base.host_files:
    files:
      - {path: /etc/chrony/chrony.conf, content: "{{ lookup('ansible.builtin.template', 'chrony.conf.j2') }}", mode: "0644"}
"""

RETURN = r"""
changed_paths:
  description: The paths that were changed, or would be.
  returned: always
  type: list
  elements: str
"""

import os
import shlex
import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply, difference, stage

_ENTRY = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str"},
    "from_file": {"type": "path"},
    "link": {"type": "str"},
    "state": {"type": "str", "choices": ["file", "directory", "absent"], "default": "file"},
    "mode": {"type": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "validate": {"type": "str"},
}


def wanted_of(entry: dict[str, Any]) -> Wanted:
    """Return what one entry of the list asks for."""
    content = None
    if entry["from_file"] is not None:
        with open(entry["from_file"], "rb") as stream:
            content = stream.read()
    elif entry["content"] is not None:
        content = entry["content"].encode()
    return Wanted(
        path=entry["path"],
        content=content,
        link=entry["link"],
        directory=entry["state"] == "directory",
        absent=entry["state"] == "absent",
        mode=int(entry["mode"], 8) if entry["mode"] else None,
        owner=entry["owner"],
        group=entry["group"],
    )


def judge(module: AnsibleModule, wanted: Wanted, command: str) -> None:
    """Fail when the program the file is for does not accept it."""
    temporary = stage(wanted)
    try:
        arguments = [part.replace("%s", temporary) for part in shlex.split(command)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    finally:
        os.unlink(temporary)
    if done.returncode:
        module.fail_json(msg=f"{wanted.path} was left as it was: `{command}` refuses the new one: {(done.stderr or done.stdout).strip()}")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"files": {"type": "list", "elements": "dict", "required": True, "options": _ENTRY}},
        supports_check_mode=True,
    )
    changed, differences = [], []
    for entry in module.params["files"]:
        try:
            wanted = wanted_of(entry)
            what = difference(wanted)
            if not what:
                continue
            changed.append(wanted.path)
            differences.append({"after_header": wanted.path, "before": what, "after": "as wanted"})
            if module.check_mode:
                continue
            if entry["validate"]:
                judge(module, wanted, entry["validate"])
            apply(wanted)
        except (OSError, KeyError) as error:
            if module.check_mode:
                # An owner or a source that an earlier task would bring.
                changed.append(entry["path"])
                continue
            module.fail_json(msg=f"{entry['path']} could not be put in place: {error}", changed_paths=changed)
    module.exit_json(changed=bool(changed), changed_paths=changed, diff=differences)


if __name__ == "__main__":
    main()
