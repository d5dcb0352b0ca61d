#!/usr/bin/python
"""Bring the kernel into the state a role wants, now and at every start."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_kernel
short_description: Set kernel settings, load modules, turn swap off
options:
  sysctls: {description: "Settings, in dotted form, and their values.", type: dict, default: {}}
  modules: {description: Modules to load., type: list, elements: str, default: []}
  swap: {description: Whether swap may stay on., type: bool, default: true}
  name: {description: Names the files below C(/etc) that do the same at the host's start., type: str, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Let the host forward packets
  platform.base.host_kernel:
    name: 60-platform
    sysctls: {net.ipv4.ip_forward: 1}
    modules: [overlay]
    swap: false
"""

RETURN = r"""
changes:
  description: What was changed, or would be.
  returned: always
  type: list
  elements: str
"""

import os
import re
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply, difference


def location(name: str) -> str:
    """Return where the kernel shows a setting; a slash stands for a dot inside a part."""
    return "/proc/sys/" + name.replace(".", "\0").replace("/", ".").replace("\0", "/")


def current(name: str) -> str | None:
    """Return a setting's value, or None when this kernel has none."""
    try:
        with open(location(name), encoding="ascii") as stream:
            return " ".join(stream.read().split())
    except OSError:
        return None


def write_setting(module: AnsibleModule, name: str, value: str) -> None:
    """Put one setting into force."""
    try:
        with open(location(name), "w", encoding="ascii") as stream:
            stream.write(value)
    except OSError as error:
        module.fail_json(msg=f"{name} could not be set to {value} (it is {current(name)}): {error.strerror}.")


def is_loaded(name: str) -> bool:
    """Return whether a module is there, loaded or built in."""
    if os.path.isdir(f"/sys/module/{name.replace('-', '_')}"):
        return True
    builtin = f"/lib/modules/{os.uname().release}/modules.builtin"
    try:
        with open(builtin, encoding="ascii") as stream:
            return any(line.rstrip().endswith(f"/{name}.ko") for line in stream)
    except OSError:
        return False


def swaps() -> list[str]:
    """Return what the host swaps to."""
    with open("/proc/swaps", encoding="utf-8") as stream:
        return [line.split()[0] for line in list(stream)[1:]]


def fstab_without_swap() -> str | None:
    """Return /etc/fstab with its swap lines commented out, or None when there is none to change."""
    try:
        with open("/etc/fstab", encoding="utf-8") as stream:
            lines = stream.readlines()
    except OSError:
        return None
    kept = [f"# off for kubelet: {line}" if re.match(r"\s*[^#\s]+\s+\S+\s+swap\s", line) else line for line in lines]
    return "".join(kept) if kept != lines else None


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "sysctls": {"type": "dict", "default": {}},
            "modules": {"type": "list", "elements": "str", "default": []},
            "swap": {"type": "bool", "default": True},
            "name": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    name, wet = module.params["name"], not module.check_mode
    changes = []

    missing = [entry for entry in module.params["modules"] if not is_loaded(entry)]
    for entry in missing:
        changes.append(f"module {entry}")
        if wet:
            done = subprocess.run(["modprobe", entry], capture_output=True, text=True, check=False)
            if done.returncode:
                module.fail_json(msg=f"The kernel module {entry} could not be loaded: {done.stderr.strip()}")

    values = {key: " ".join(str(value).split()) for key, value in sorted(module.params["sysctls"].items())}
    for key, value in values.items():
        if current(key) not in (value, None):
            changes.append(key)
            if wet:
                write_setting(module, key, value)

    if not module.params["swap"]:
        fstab = fstab_without_swap()
        if swaps():
            changes.append("swap")
            if wet:
                subprocess.run(["swapoff", "--all"], check=True)
        if fstab is not None:
            changes.append("/etc/fstab")
            if wet:
                apply(Wanted("/etc/fstab", content=fstab.encode(), mode=0o644))

    files = [
        Wanted(f"/etc/sysctl.d/{name}.conf", content="".join(f"{k} = {v}\n" for k, v in values.items()).encode(), mode=0o644),
        Wanted(f"/etc/modules-load.d/{name}.conf", content="".join(f"{m}\n" for m in module.params["modules"]).encode(), mode=0o644),
    ]
    for wanted in files:
        if difference(wanted):
            changes.append(wanted.path)
            if wet:
                apply(wanted)
    module.exit_json(changed=bool(changes), changes=changes, unknown=[key for key in values if current(key) is None])


if __name__ == "__main__":
    main()
