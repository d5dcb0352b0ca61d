#!/usr/bin/python
"""Install packages from the platform's repository, and from nowhere else."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_packages
short_description: Install packages from the platform's repository only
description:
  - Reads dpkg's own records first, so that nothing to do costs next to nothing.
  - Services of new packages are not started; a role starts its own when it has configured them.
  - With C(repository), apt is pointed at the bundle first, and every other source is set aside.
options:
  repository:
    description: Where the bundle's repository is.
    type: dict
    suboptions:
      uri: {description: "An C(https://) address, or C(file:) and a folder.", type: str, required: true}
      key: {description: "The key that signs it, armoured.", type: str, required: true}
      ca_certificate: {description: The authority of an C(https://) server., type: path}
  packages:
    description: Names by release; C(default) serves releases not named.
    type: dict
    required: true
  state:
    description: Whether they shall be there.
    type: str
    choices: [present, absent]
    default: present
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Install what the role runs
  platform.base.host_packages:
    packages: {default: [keepalived, haproxy]}
"""

RETURN = r"""
installed:
  description: The packages that were missing.
  returned: always
  type: list
  elements: str
changed_paths:
  description: The files of apt that were changed, or would be.
  returned: always
  type: list
  elements: str
"""

import os
import subprocess
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply, difference

_POLICY = "/usr/sbin/policy-rc.d"
_SOURCE = "/etc/apt/sources.list.d/platform.sources"
_KEY = "/etc/apt/keyrings/platform.asc"
_SETTINGS = "/etc/apt/apt.conf.d/60platform"
_SET_ASIDE = "/etc/apt/set-aside-by-platform"


def installed(names: list[str]) -> set[str]:
    """Return which of the packages are installed and configured."""
    done = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    pairs = (line.split() for line in done.stdout.splitlines())
    return {pair[0] for pair in pairs if pair[-1] == "installed"}


def release() -> str:
    """Return the host's release."""
    with open("/etc/os-release", encoding="utf-8") as stream:
        values = dict(line.rstrip("\n").split("=", 1) for line in stream if "=" in line)
    return values.get("VERSION_CODENAME", "").strip('"')


def foreign_sources() -> list[str]:
    """Return the lists of sources that are not the platform's."""
    folder = "/etc/apt/sources.list.d"
    names = [os.path.join(folder, name) for name in os.listdir(folder)] if os.path.isdir(folder) else []
    lists = [name for name in names if name.endswith((".list", ".sources"))]
    return sorted(name for name in ["/etc/apt/sources.list", *lists] if name != _SOURCE and os.path.exists(name))


def repository_files(repository: dict[str, Any]) -> list[Wanted]:
    """Return the files that make the bundle the one source of packages."""
    source = (
        "# The platform's packages, out of the bundle; there is no other source.\n"
        f"Types: deb\nURIs: {repository['uri'].rstrip('/')}/\nSuites: apt/{release()}/\nSigned-By: {_KEY}\n"
    )
    settings = 'APT::Periodic::Update-Package-Lists "0";\nAPT::Periodic::Unattended-Upgrade "0";\n'
    if repository["ca_certificate"]:
        host = urlsplit(repository["uri"]).hostname
        settings += f'Acquire::https::{host}::CaInfo "{repository["ca_certificate"]}";\n'
    contents = {_KEY: repository["key"], _SOURCE: source, _SETTINGS: settings}
    return [Wanted(path, content=content.encode(), mode=0o644) for path, content in contents.items()]


def point_at(repository: dict[str, Any], wet: bool) -> list[str]:
    """Make the bundle the one source of packages, and return what changed."""
    changed = []
    for wanted in repository_files(repository):
        if difference(wanted):
            changed.append(wanted.path)
            if wet:
                apply(wanted)
    for path in foreign_sources():
        changed.append(path)
        if wet:
            os.makedirs(_SET_ASIDE, exist_ok=True)
            os.replace(path, os.path.join(_SET_ASIDE, os.path.basename(path)))
    return changed


def apt(module: AnsibleModule, *arguments: str) -> None:
    """Run apt-get with the platform's source alone."""
    options = {
        "Dir::Etc::sourcelist": _SOURCE,
        "Dir::Etc::sourceparts": "-",
        "APT::Get::List-Cleanup": "false",
        "APT::Install-Recommends": "false",
        "DPkg::Lock::Timeout": "120",
        "Dpkg::Options::": "--force-confdef",
        "DPkg::Options::": "--force-confold",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "NEEDRESTART_SUSPEND": "1"}
    done = subprocess.run(["apt-get", *flags, "-qq", *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        module.fail_json(msg=f"`apt-get {' '.join(arguments)}` failed: {done.stderr.strip() or done.stdout.strip()}")


def change(module: AnsibleModule, names: list[str]) -> None:
    """Install or remove packages, with their services left alone."""
    keep_policy = os.path.exists(_POLICY)
    if not keep_policy:
        with open(_POLICY, "w", encoding="utf-8") as stream:
            stream.write("#!/bin/sh\nexit 101\n")
        os.chmod(_POLICY, 0o755)
    try:
        # An earlier run may have been killed in the middle.
        subprocess.run(["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"], capture_output=True, check=False)
        if module.params["state"] == "present":
            apt(module, "update", "-o", "APT::Update::Error-Mode=any")
            apt(module, "install", "--yes", "--no-remove", *names)
        else:
            apt(module, "purge", "--yes", *names)
    finally:
        if not keep_policy:
            os.unlink(_POLICY)


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    repository = {"uri": text, "key": text, "ca_certificate": {"type": "path"}}
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "dict", "required": True},
            "repository": {"type": "dict", "options": repository},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    pointed = point_at(module.params["repository"], not module.check_mode) if module.params["repository"] else []
    by_release = module.params["packages"]
    names = sorted(set(by_release.get(release(), by_release.get("default", []))))
    have = installed(names) if names else set()
    if module.params["state"] == "present":
        wrong = [name for name in names if name not in have]
    else:
        wrong = [name for name in names if name in have]
    if wrong and not module.check_mode:
        change(module, wrong)
    module.exit_json(changed=bool(wrong or pointed), installed=wrong, changed_paths=pointed)


if __name__ == "__main__":
    main()
