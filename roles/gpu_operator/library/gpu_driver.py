#!/usr/bin/python
"""Change the GPU driver of a host that nothing uses any more."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_driver
short_description: Change the GPU driver of a host that nothing uses any more
description:
  - Stops what the driver itself runs, unloads it, installs packages from the platform's repository alone, and loads the
    new one. What still holds a GPU is named, and nothing is installed then.
options:
  packages: {description: "Packages with their versions, as apt takes them.", type: list, elements: str, required: true}
  units: {description: Services of the driver., type: list, elements: str, default: []}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Change it
  gpu_driver: {packages: ["nvidia-open-kernel-dkms=550.163.01*"], units: [nvidia-persistenced.service]}
"""

RETURN = r"""
loaded: {description: The version that is loaded now., returned: always, type: str}
"""

import os
import subprocess

from ansible.module_utils.basic import AnsibleModule

_VERSION = "/sys/module/nvidia/version"
# Each needs the next one.
_MODULES = ("nvidia_uvm", "nvidia_drm", "nvidia_modeset", "nvidia_peermem", "nvidia")
_SOURCE = "/etc/apt/sources.list.d/platform.sources"


def holders(root: str = "/proc") -> list[str]:
    """Return the processes that have a GPU open."""
    found = []
    for process in filter(str.isdigit, os.listdir(root)):
        try:
            links = [os.readlink(f"{root}/{process}/fd/{name}") for name in os.listdir(f"{root}/{process}/fd")]
            with open(f"{root}/{process}/comm", encoding="utf-8") as stream:
                name = stream.read().strip()
        except OSError:
            # It has ended meanwhile.
            continue
        if any(link.startswith("/dev/nvidia") for link in links):
            found.append(f"{name} ({process})")
    return sorted(found)


def loaded(path: str = _VERSION) -> str:
    """Return the version of the driver that is loaded; nothing when none is."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def install(packages: list[str]) -> list[str]:
    """Return the command that installs packages from the platform's repository; the old driver's may go for it."""
    options = [
        "-o",
        f"Dir::Etc::sourcelist={_SOURCE}",
        "-o",
        "Dir::Etc::sourceparts=-",
        "-o",
        "DPkg::Lock::Timeout=120",
    ]
    flags = ["--yes", "--no-install-recommends", "--allow-downgrades", "--allow-change-held-packages"]
    return ["apt-get", "-qq", *options, "install", *flags, *packages]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "required": True},
            "units": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, loaded=loaded())

    def run(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            module.fail_json(msg=f"`{' '.join(command[:3])}` failed: {(done.stderr or done.stdout).strip()[-600:]}")

    present = [name for name in _MODULES if os.path.exists(f"/sys/module/{name}")]
    if module.params["units"]:
        subprocess.run(["systemctl", "stop", *module.params["units"]], capture_output=True, check=False)
    if open_by := holders():
        module.fail_json(
            msg=f"GPUs are in use by {', '.join(open_by)}. End them, and run again; nothing was installed."
        )
    if present:
        run("modprobe", "--remove", *present)
    run("apt-get", "-qq", "-o", f"Dir::Etc::sourcelist={_SOURCE}", "-o", "Dir::Etc::sourceparts=-", "update")
    run(*install(module.params["packages"]))
    run("modprobe", "nvidia")
    if not loaded():
        module.fail_json(msg="The new driver is not loaded. Look at `dmesg` and `dkms status`.")
    module.exit_json(changed=True, loaded=loaded())


if __name__ == "__main__":
    main()
