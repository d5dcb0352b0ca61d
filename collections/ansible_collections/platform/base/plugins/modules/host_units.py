#!/usr/bin/python
"""Bring systemd units into the state a role wants, all in one task."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_units
short_description: Enable, start, restart and stop systemd units
description:
  - Takes a list, so that a role needs one task for all its units.
  - A unit is restarted, or reloaded, when one of the files it reads was changed.
options:
  units:
    description: The units.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: The unit's full name., type: str, required: true}
      state: {description: What it shall be., type: str, choices: [started, stopped, masked, absent], default: started}
      enabled: {description: Whether it starts with the host., type: bool, default: true}
      restart_on: {description: Files whose change needs a restart; a folder stands for all below., type: list, elements: path, default: []}
      reload_on: {description: Files whose change needs a reload., type: list, elements: path, default: []}
  changed_paths:
    description: What tasks before changed on this host.
    type: list
    elements: path
    default: []
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Run the time service
  platform.base.host_units:
    units: [{name: chrony.service, restart_on: [/etc/chrony]}]
    changed_paths: "{{ __host_baseline_files.changed_paths }}"
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  returned: always
  type: list
  elements: str
"""

import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule

_UNIT_FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_EVIDENCE_LINES = "25"


def systemctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemctl."""
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)


def properties(names: list[str]) -> dict[str, dict[str, str]]:
    """Return what systemd knows of each unit, asked for all at once."""
    wanted = ("Id", "LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload")
    answer = systemctl("show", f"--property={','.join(wanted)}", *names).stdout
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in answer.split("\n\n")]
    return dict(zip(names, (block for block in blocks if block), strict=False))


def touched(files: list[str], changed: list[str]) -> bool:
    """Return whether one of the files, or something below one, was changed."""
    return any(path == file or path.startswith(file.rstrip("/") + "/") for file in files for path in changed)


def actions_for(unit: dict[str, Any], known: dict[str, str], changed: list[str]) -> list[tuple[str, ...]]:
    """Return the systemctl calls that bring a unit into its state."""
    active = known.get("ActiveState") in ("active", "activating", "reloading")
    enabled = known.get("UnitFileState") in ("enabled", "enabled-runtime", "static", "alias", "indirect", "generated")
    if unit["state"] == "absent" and known.get("LoadState") == "not-found":
        return []
    if unit["state"] in ("stopped", "absent", "masked"):
        calls = [("stop", unit["name"])] if active else []
        if unit["state"] == "masked":
            return [*calls, *([("mask", unit["name"])] if known.get("LoadState") != "masked" else [])]
        on = known.get("UnitFileState") in ("enabled", "enabled-runtime")
        return [*calls, *([("disable", unit["name"])] if on and not (unit["enabled"] and unit["state"] == "stopped") else [])]
    calls = [("unmask", unit["name"])] if known.get("LoadState") == "masked" else []
    if unit["enabled"] and not enabled:
        calls.append(("enable", unit["name"]))
    if not active:
        calls.append(("start", unit["name"]))
    elif touched(unit["restart_on"], changed):
        calls.append(("restart", unit["name"]))
    elif touched(unit["reload_on"], changed):
        calls.append(("reload-or-restart", unit["name"]))
    return calls


def main() -> None:
    """Run the module."""
    entry = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["started", "stopped", "masked", "absent"], "default": "started"},
        "enabled": {"type": "bool", "default": True},
        "restart_on": {"type": "list", "elements": "path", "default": []},
        "reload_on": {"type": "list", "elements": "path", "default": []},
    }
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "dict", "required": True, "options": entry},
            "changed_paths": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    changed = module.params["changed_paths"]
    units = module.params["units"]
    reload_units = any(path.startswith(_UNIT_FOLDERS) for path in changed)
    known = properties([unit["name"] for unit in units])
    reload_units = reload_units or any(state.get("NeedDaemonReload") == "yes" for state in known.values())
    if reload_units and not module.check_mode:
        systemctl("daemon-reload")
        known = properties([unit["name"] for unit in units])
    done = []
    for unit in units:
        for call in actions_for(unit, known.get(unit["name"], {}), changed):
            done.append(" ".join(call))
            if module.check_mode:
                continue
            result = systemctl(*call)
            if result.returncode:
                journal = subprocess.run(
                    ["journalctl", "--unit", unit["name"], "--lines", _EVIDENCE_LINES, "--no-pager", "--output=cat"],
                    capture_output=True, text=True, check=False,
                )  # fmt: skip
                module.fail_json(
                    msg=f"`systemctl {' '.join(call)}` failed: {result.stderr.strip()}",
                    evidence=journal.stdout.splitlines(), actions=done,
                )  # fmt: skip
    module.exit_json(changed=bool(done), actions=done)


if __name__ == "__main__":
    main()
