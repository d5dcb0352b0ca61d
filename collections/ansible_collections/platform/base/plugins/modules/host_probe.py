#!/usr/bin/python
"""Find out, in one go and without a trace, what checks before an installation want to know of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_probe
short_description: Find out what preflight checks want to know of a host
description:
  - Reads and asks; changes nothing. The one file it writes, to time the disk, has no name and is gone with the module.
  - Judges nothing; the rules that do are C(platform.base.preflight)'s.
options:
  base:
    description: Whether to find out what every component may want to know, too.
    type: bool
    default: true
  questions:
    description: What more to find out, by kind.
    type: dict
    default: {}
    suboptions:
      paths: {type: list, elements: str, default: [], description: What lies under folders.}
      write_latency: {type: list, elements: str, default: [], description: How long small writes into folders take.}
      modules: {type: list, elements: str, default: [], description: Whether kernel modules are there.}
      settings: {type: list, elements: str, default: [], description: "Values of kernel settings; can they be set?"}
      connections: {type: list, elements: str, default: [], description: "How ports answer, as C(host:port)."}
      datagrams: {type: list, elements: str, default: [], description: "What is heard of UDP ports, as C(host:port)."}
      path_mtus: {type: list, elements: str, default: [], description: "Do large packets pass? C(peer own-address)."}
      name_servers: {type: list, elements: str, default: [], description: "What they answer, as C(server name)."}
      time_servers: {type: list, elements: str, default: [], description: Whether they answer.}
      neighbours: {type: list, elements: str, default: [], description: Who on the network has these addresses.}
      bundles: {type: list, elements: str, default: [], description: What bundles in folders are.}
      files: {type: list, elements: str, default: [], description: Sizes of files.}
      digests: {type: list, elements: str, default: [], description: Digests of files.}
      versions: {type: list, elements: str, default: [], description: Versions of programs.}
      gpus: {type: list, elements: str, default: [], description: "What there is of a vendor's GPUs; C(nvidia)."}
      kernel_types: {type: list, elements: str, default: [], description: Whether the kernel knows types.}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Find out what the host is, and whether it reaches another
  platform.base.host_probe:
    questions:
      connections: ["192.0.2.11:22"]
"""

RETURN = r"""
facts:
  description: What was found, by subject; C(answers) holds those to questions.
  returned: always
  type: dict
"""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.preflight_probes import (
    access,
    bundle,
    disks,
    firewall,
    gpus,
    kernel,
    network,
    others,
    packages,
    reach,
    system,
)
from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Root, Run, run

Questions = Mapping[str, Sequence[str]]
_KINDS = (
    "paths", "write_latency", "modules", "settings", "connections", "datagrams", "path_mtus", "name_servers",
    "time_servers", "neighbours", "bundles", "files", "digests", "versions", "gpus", "kernel_types",
)  # fmt: skip


def base_facts(root: Root, command: Run) -> dict[str, Any]:
    """Return what every component may want to know."""
    facts = system.system(root, command)
    facts.update(kernel.kernel_facts(root))
    facts.update(network.network(root, command))
    facts["swaps"] = disks.swaps(root)
    facts["packages"] = packages.packages(root)
    facts["apt"] = packages.apt_settings(root)
    facts["ours"] = others.ours(root)
    facts["listeners"] = network.listeners(root, facts["ours"])
    facts["units"] = others.units(command, facts["ours"])
    facts["traces"] = others.traces(root)
    facts["proxies"] = others.proxies(root, facts["apt"], os.environ)
    facts["firewall"] = firewall.firewall(root, command)
    facts["ssh"] = access.ssh(root, command, facts["user"]["login"])
    # Only a few of its hundreds of settings are judged.
    facts["apt"] = {
        name: value for name, value in facts["apt"].items() if name.startswith("unattended-upgrade::automatic-reboot")
    }
    return facts


def answers(root: Root, command: Run, questions: Questions) -> dict[str, Any]:
    """Return what was asked, by kind."""
    asked = {kind: list(questions.get(kind) or []) for kind in _KINDS}
    interfaces = network.interfaces(command) if asked["neighbours"] or asked["path_mtus"] else []
    with ThreadPoolExecutor(6) as pool:
        # What waits for others waits side by side.
        waited = {
            "connections": pool.submit(reach.connections, asked["connections"]),
            "datagrams": pool.submit(reach.datagrams, asked["datagrams"]),
            "path_mtus": pool.submit(reach.path_mtus, asked["path_mtus"], interfaces, command),
            "name_servers": pool.submit(reach.name_servers, asked["name_servers"]),
            "time_servers": pool.submit(reach.time_servers, asked["time_servers"]),
            "neighbours": pool.submit(reach.neighbours, asked["neighbours"], interfaces),
            "versions": pool.submit(bundle.versions, root, command, asked["versions"]),
            "gpus": pool.submit(gpus.gpus, root, command, asked["gpus"]),
        }
        found: dict[str, Any] = {
            "paths": disks.paths(root, asked["paths"]),
            "modules": kernel.modules(root, asked["modules"]),
            "settings": kernel.settings(root, asked["settings"]),
            "kernel_types": kernel.kernel_types(root, asked["kernel_types"]),
            "bundles": bundle.bundles(root, asked["bundles"]),
            "files": bundle.files(root, asked["files"]),
            "digests": bundle.digests(root, asked["digests"]),
            **{kind: future.result() for kind, future in waited.items()},
        }
    # Last and alone: other threads would be taken for a slow disk.
    found["write_latency"] = disks.write_latency(root, asked["write_latency"])
    return {kind: answer for kind, answer in found.items() if answer}


def main() -> None:
    """Run the module."""
    entry = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={
            "base": {"type": "bool", "default": True},
            "questions": {"type": "dict", "default": {}, "options": {kind: entry for kind in _KINDS}},
        },
        supports_check_mode=True,
    )
    root = Root()
    facts = base_facts(root, run) if module.params["base"] else {}
    facts["answers"] = answers(root, run, module.params["questions"])
    # At the very end: whoever asked compares it with its own clock.
    facts["now"] = time.time()
    module.exit_json(changed=False, facts=facts)


if __name__ == "__main__":
    main()
