#!/usr/bin/python
"""Say why an API that others wait for may be silent: the ends of the logs of its server and of etcd."""

from __future__ import annotations

DOCUMENTATION = r"""
module: api_evidence
short_description: Say why an API may be silent
description:
  - For a failure on another host that waited for this control plane. Returns what the API says of its readiness, and
    the ends of the logs of its server and of etcd, the ones before too where they were started again.
  - Changes nothing, and fails always, so that what it found stands beside the failure that it explains.
options:
  why: {description: What failed., type: str, required: true}
  lines: {description: How many lines of each log., type: int, default: 12}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: See why the API did not answer
  api_evidence: {why: The host did not join.}
  delegate_to: cp1
"""

RETURN = r"""
evidence: {description: "The lines, under a heading each.", returned: always, type: list, elements: str}
"""

import json
import subprocess

from ansible.module_utils.basic import AnsibleModule

_SECONDS = 8
_ACCESS = "/etc/kubernetes/admin.conf"
_PARTS = ("kube-apiserver", "etcd")


def run(*command: str) -> str:
    """Return what a program says, in both ways; what keeps it from that where it cannot be run or does not end."""
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout


def readiness() -> list[str]:
    """Return what the API says of its readiness, without the parts that are well."""
    said = run("kubectl", "--kubeconfig", _ACCESS, "--request-timeout=5s", "get", "--raw", "/readyz?verbose")
    return ["-- readiness of the API --", *(line for line in said.splitlines() if not line.startswith("[+]"))]


def log(part: str, lines: int) -> list[str]:
    """Return how a part's containers fare, and the ends of their logs: of the one that runs and of the one before."""
    said = run("crictl", "ps", "--all", "--name", f"^{part}$", "--output", "json")
    try:
        found = json.loads(said)["containers"]
    except (ValueError, KeyError):
        return [f"-- {part}: the runtime does not say --", *said.splitlines()[-3:]]
    if not found:
        return [f"-- {part}: there is no container --"]
    found.sort(key=lambda entry: int(entry["createdAt"]))
    told = []
    for container in found[-2:]:
        state = container["state"].removeprefix("CONTAINER_").lower()
        told.append(f"-- {part}, attempt {container['metadata'].get('attempt', 0)}, {state} --")
        told += run("crictl", "logs", f"--tail={lines}", container["id"]).splitlines()[-lines:]
    return told


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"why": {"type": "str", "required": True}, "lines": {"type": "int", "default": 12}},
        supports_check_mode=True,
    )
    lines = readiness()
    for part in _PARTS:
        lines += log(part, module.params["lines"])
    module.fail_json(msg=module.params["why"], evidence=lines)


if __name__ == "__main__":
    main()
