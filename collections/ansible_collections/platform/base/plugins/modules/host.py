#!/usr/bin/python
"""Bring a host into the state a role wants: packages, programs, files, kernel and units, in one task."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host
short_description: Bring a host into the state a role wants
description:
  - A task costs more than most of what it does, so a role hands over all it wants of a host at once.
  - "The order is: units that go, leftovers, files of C(before), packages, programs, kernel, files, units. Units are
    restarted or reloaded when what they read was changed by the same task."
  - What a host was like before is remembered below C(/var/lib/platform), and C(original) brings it back; what was
    never touched stays as it is.
  - Files are either the old ones or the new ones, never half of one. Packages come from the platform's repository only.
options:
  before:
    description: Files that packages or programs need to be had.
    type: list
    elements: dict
    default: []
    suboptions: &file
      path: {description: Where., type: path, required: true}
      content: {description: What a file holds., type: str}
      from_file: {description: A file on the same host to copy., type: path}
      link: {description: What a symbolic link points to., type: str}
      state: {description: What the path is., type: str, choices: [file, directory, absent, original], default: file}
      mode: {description: "Permissions, octal.", type: str}
      owner: {description: Owner., type: str, default: root}
      group: {description: Group., type: str, default: root}
      validate: {description: "A command that judges the new file; C(%s) is its name.", type: str}
      replace:
        description: Whether a path that is there already is brought up to date.
        type: bool
        default: true
      keep: {description: "Whether to remember what is there now, for C(original).", type: bool, default: false}
  repository:
    description: Points apt at the bundle, and sets every other source aside.
    type: dict
    suboptions:
      state:
        description: Whether packages come from the bundle, or from where they came before.
        type: str
        choices: [present, original]
        default: present
      uri: {description: "An C(https://) address, or C(file:) and a folder.", type: str}
      key: {description: "The key that signs the repository, armoured.", type: str}
      ca_certificate: {description: The authority of an C(https://) server., type: path}
  packages: {description: Names by release; C(default) serves releases not named., type: dict, default: {}}
  packages_state:
    description: Whether packages shall be there, or all that were brought go, with what came along for them.
    type: str
    choices: [present, original]
    default: present
  programs:
    description: Files of the bundle, by digest.
    type: dict
    suboptions:
      source: {description: "Where the bundle is, an C(https://) address or a folder.", type: str, required: true}
      ca_certificate: {description: The authority of an C(https://) server., type: path}
      files:
        description: The files.
        type: list
        elements: dict
        required: true
        suboptions:
          path: {description: Where., type: path, required: true}
          digest: {description: C(sha256:) and 64 hexadecimal digits., type: str, required: true}
          mode: {description: "Permissions, octal.", type: str, default: "0755"}
  files:
    description: Files, folders and links, like C(before).
    type: list
    elements: dict
    default: []
    suboptions: *file
  kernel:
    description: Settings and modules of the kernel.
    type: dict
    suboptions:
      state:
        description: Whether they are in force, or what was before.
        type: str
        choices: [present, original]
        default: present
      name: {description: Names the files below C(/etc) that do it at each start., type: str, required: true}
      sysctls: {description: "Settings, in dotted form; one this kernel lacks is passed over.", type: dict, default: {}}
      modules: {description: Modules to load., type: list, elements: str, default: []}
      swap: {description: Whether swap may stay on., type: bool, default: true}
  units:
    description: systemd's units. A C(oneshot) that is not enabled is begun when C(restart_on) changed.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: The unit's full name., type: str, required: true}
      state:
        description: What it shall be; C(original) is what was remembered by C(keep), and nothing where nothing was.
        type: str
        choices: [started, stopped, masked, unmasked, absent, original]
        default: started
      keep: {description: "Whether to remember how it fares now, for C(original).", type: bool, default: false}
      enabled: {description: Whether it starts with the host., type: bool, default: true}
      restart_on:
        description: Files whose change needs a restart; a folder stands for all below.
        type: list
        elements: path
        default: []
      reload_on: {description: Files whose change needs a reload., type: list, elements: path, default: []}
      wait: {description: Whether to wait until systemd has done it., type: bool, default: true}
      undo:
        description: Files that are deleted again after 90 s unless C(platform-undo-NAME.timer) is stopped.
        type: list
        elements: path
        default: []
  leftovers:
    description: What programs leave in the kernel, where no file shows it, and what shall be gone.
    type: dict
    suboptions:
      processes:
        description: Programs, as patterns of names; what they began goes with them.
        type: list
        elements: str
        default: []
      mounts: {description: Folders below which nothing stays mounted., type: list, elements: str, default: []}
      tables: {description: "Tables of nftables, as C(inet name).", type: list, elements: str, default: []}
      chains:
        description: Chains of iptables, as patterns; a table with nothing left in it goes too.
        type: list
        elements: str
        default: []
      addresses: {description: Addresses of the host's interfaces., type: list, elements: str, default: []}
      links: {description: "Interfaces, as patterns.", type: list, elements: str, default: []}
      rules: {description: Routing tables that are emptied and no longer asked., type: list, elements: str, default: []}
  changed_paths:
    description: What earlier tasks changed on this host.
    type: list
    elements: path
    default: []
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Run the time service
  platform.base.host:
    packages: {default: [chrony]}
    files:
      - path: /etc/chrony/chrony.conf
        content: "{{ lookup('ansible.builtin.template', 'chrony.conf.j2') }}"
        mode: "0644"
    units:
      - {name: chrony.service, restart_on: [/etc/chrony]}
"""

RETURN = r"""
changed_paths: {description: "The paths that were changed, or would be.", returned: always, type: list, elements: str}
installed:
  description: The packages that were installed or removed, or would be.
  returned: always
  type: list
  elements: str
kernel: {description: What was changed of the kernel., returned: always, type: list, elements: str}
leftovers: {description: "What was taken out of the kernel, or would be.", returned: always, type: list, elements: str}
actions: {description: What systemd did., returned: always, type: list, elements: str}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils import (
    bundlefile,
    hostfile,
    kernel,
    leftovers,
    packages,
    units,
)

_TEXT = {"type": "str", "required": True}
_PATH = {"type": "path"}
_STATE = {"type": "str", "choices": ["present", "original"], "default": "present"}
_SPEC = {
    "before": {"type": "list", "elements": "dict", "default": [], "options": hostfile.OPTIONS},
    "repository": {
        "type": "dict",
        "options": {
            "state": _STATE,
            "uri": {"type": "str"},
            "key": {"type": "str", "no_log": False},
            "ca_certificate": _PATH,
        },
        "required_if": [("state", "present", ("uri", "key"))],
    },
    "packages": {"type": "dict", "default": {}},
    "packages_state": _STATE,
    "programs": {
        "type": "dict",
        "options": {
            "source": _TEXT,
            "ca_certificate": _PATH,
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "digest": _TEXT,
                    "mode": {"type": "str", "default": "0755"},
                },
            },
        },
    },
    "files": {"type": "list", "elements": "dict", "default": [], "options": hostfile.OPTIONS},
    "kernel": {
        "type": "dict",
        "options": {
            "state": _STATE,
            "name": _TEXT,
            "sysctls": {"type": "dict", "default": {}},
            "modules": {"type": "list", "elements": "str", "default": []},
            "swap": {"type": "bool", "default": True},
        },
    },
    "units": {"type": "list", "elements": "dict", "default": [], "options": units.OPTIONS},
    "leftovers": {"type": "dict", "options": leftovers.OPTIONS},
    "changed_paths": {"type": "list", "elements": "path", "default": []},
}
_FAILURES = (
    bundlefile.BundleFileFailed,
    hostfile.FileRefused,
    kernel.KernelFailed,
    leftovers.LeftoversStay,
    packages.PackagesFailed,
    units.UnitFailed,
)


def _bring_packages(wanted: dict[str, Any], wet: bool) -> list[str]:
    """Install what is missing, or take away what was brought, and return it."""
    present = wanted["packages_state"] == "present"
    names = packages.missing(packages.names_for(wanted["packages"])) if present else packages.brought()
    if names and wet:
        if present:
            packages.install(names)
        else:
            packages.give_back()
    return names


def bring(wanted: dict[str, Any], wet: bool) -> dict[str, Any]:
    """Bring the host into its state, and return what changed or would."""
    if wet:
        units.remember(wanted["units"])
    entries = list(units.as_before(wanted["units"]))
    actions = units.end(entries, wet)
    cleared = leftovers.clear(wanted["leftovers"], wet) if wanted["leftovers"] else []
    paths = hostfile.bring(wanted["before"], wet)
    if wanted["repository"]:
        present = wanted["repository"]["state"] == "present"
        paths += packages.point_at(wanted["repository"], wet) if present else packages.give_back_sources(wet)
    changed_packages = _bring_packages(wanted, wet)
    if wanted["programs"]:
        paths += bundlefile.put(
            wanted["programs"]["files"], wanted["programs"]["source"], wanted["programs"]["ca_certificate"], wet
        )
    settings = kernel.bring(wanted["kernel"], wet) if wanted["kernel"] else []
    paths += hostfile.bring(wanted["files"], wet)
    staying = [unit for unit in entries if unit["state"] != "absent"]
    actions += units.bring(staying, [*paths, *wanted["changed_paths"]], wet) if staying else []
    result = {
        "changed_paths": paths,
        "installed": changed_packages,
        "kernel": settings,
        "leftovers": cleared,
        "actions": actions,
    }
    if wet and any(result.values()):
        bundlefile.forget([entry["path"] for entry in wanted["files"] if entry["state"] == "absent"])
        units.forget(entries)
    return result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=_SPEC, supports_check_mode=True)
    try:
        result = bring(module.params, not module.check_mode)
    except _FAILURES as error:
        module.fail_json(msg=str(error), evidence=getattr(error, "evidence", []))
    module.exit_json(changed=any(result.values()), **result)


if __name__ == "__main__":
    main()
