#!/usr/bin/python
"""Say how a host fares, for `platform-install status`."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_status
short_description: Say how a host fares
description:
  - Reads and changes nothing, and ends within seconds whatever does not answer.
options:
  certificates:
    description: Certificates whose end is asked for; names may hold wildcards.
    type: list
    elements: path
    default: []
  kubeconfigs:
    description: Where access to the cluster may lie; the first that is there is used.
    type: list
    elements: path
    default: []
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: See how it fares
  platform.base.host_status: {certificates: [/etc/platform/ca.crt]}
"""

RETURN = r"""
said:
  description: The system, failed units, certificates by path, and the cluster's nodes where it can be asked.
  returned: always
  type: dict
"""

import glob
import json
import os
import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule

_SECONDS = 8


def run(*command: str) -> str:
    """Return what a program says; nothing when it cannot be run, fails or does not end."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def system() -> dict[str, Any]:
    """Return the operating system, kernel, uptime and free memory."""
    with open("/etc/os-release", encoding="utf-8") as stream:
        about = dict(line.rstrip().split("=", 1) for line in stream if "=" in line)
    with open("/proc/uptime", encoding="ascii") as stream:
        uptime = int(float(stream.read().split()[0]))
    return {"system": about.get("PRETTY_NAME", "").strip('"'), "kernel": os.uname().release, "uptime_seconds": uptime}


def failed_units() -> list[str]:
    """Return the units that failed."""
    listed = run("systemctl", "list-units", "--failed", "--no-legend", "--plain", "--no-pager")
    return [line.split()[0] for line in listed.splitlines() if line.split()]


def certificates(patterns: list[str]) -> dict[str, str]:
    """Return the end of each certificate, in ISO 8601."""
    found = {}
    for path in sorted({path for pattern in patterns for path in glob.glob(pattern)}):
        end = run("openssl", "x509", "-in", path, "-noout", "-enddate", "-dateopt", "iso_8601")
        if end.startswith("notAfter="):
            found[path] = end.partition("=")[2].replace(" ", "T")
    return found


def cluster(kubeconfig: str) -> dict[str, Any]:
    """Return whether the API answers, and every node with its version and readiness."""
    kubectl = ["kubectl", "--kubeconfig", kubeconfig, "--request-timeout=5s"]
    listing = run(*kubectl, "get", "nodes", "--output=json")
    if not listing:
        return {"answers": False, "nodes": {}}
    nodes = {}
    for node in json.loads(listing)["items"]:
        conditions = {entry["type"]: entry["status"] for entry in node["status"].get("conditions", [])}
        nodes[node["metadata"]["name"]] = {
            "ready": conditions.get("Ready") == "True",
            "version": node["status"]["nodeInfo"]["kubeletVersion"],
            "runtime": node["status"]["nodeInfo"]["containerRuntimeVersion"],
            "troubles": sorted(name for name, value in conditions.items() if name != "Ready" and value == "True"),
        }
    return {"answers": run(*kubectl, "get", "--raw", "/readyz") == "ok", "nodes": nodes}


def main() -> None:
    """Run the module."""
    paths = {"type": "list", "elements": "path", "default": []}
    module = AnsibleModule(argument_spec={"certificates": paths, "kubeconfigs": paths}, supports_check_mode=True)
    said = {**system(), "failed_units": failed_units(), "certificates": certificates(module.params["certificates"])}
    kubeconfig = next((path for path in module.params["kubeconfigs"] if os.path.exists(path)), None)
    if kubeconfig:
        said["cluster"] = cluster(kubeconfig)
    module.exit_json(changed=False, said=said)


if __name__ == "__main__":
    main()
