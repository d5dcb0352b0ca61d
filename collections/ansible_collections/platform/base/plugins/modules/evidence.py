#!/usr/bin/python
"""Gather what explains a failure: the ends of units' journals, and of events and logs of pods that are not ready."""

from __future__ import annotations

DOCUMENTATION = r"""
module: evidence
short_description: Gather what explains a failure on a host
description:
  - Returns the last lines of the journals of the named units and of units that failed.
  - Where a kubeconfig is found and a namespace is named, returns the events and the ends of the logs of its pods
    that are not ready.
  - Changes nothing, fails never, and ends within seconds.
options:
  units: {description: Units that may explain it., type: list, elements: str, default: []}
  namespace: {description: "The namespace whose pods may explain it; none when empty.", type: str, default: ""}
  kubeconfigs:
    description: Where access to the cluster may lie; the first that is there is used.
    type: list
    elements: path
    default: []
  lines: {description: How many lines of each journal and log., type: int, default: 20}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Look at the runtime
  platform.base.evidence: {units: [containerd.service]}
"""

RETURN = r"""
said: {description: "The C(lines), under a heading each.", returned: always, type: dict}
"""

import json
import os
import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule

_SECONDS = 8
_MOST_UNITS = 4
_MOST_PODS = 2
_MOST_EVENTS = 8


def run(*command: str) -> str:
    """Return what a program says; nothing when it cannot be run or does not end."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def of_units(units: list[str], lines: int) -> list[str]:
    """Return the ends of the journals of units, and how each unit fares."""
    # What fails and is started again and again is never failed for long.
    listed = run("systemctl", "list-units", "--state=failed,auto-restart", "--no-legend", "--plain", "--no-pager")
    failed = [line.split()[0] for line in listed.splitlines() if line.split()]
    found = []
    for unit in list(dict.fromkeys([*units, *failed]))[:_MOST_UNITS]:
        state = run("systemctl", "show", "--property=LoadState,ActiveState,SubState,Result,ExecMainStatus", unit)
        known = dict(line.split("=", 1) for line in state.splitlines() if "=" in line)
        if known.get("LoadState") == "not-found":
            continue
        fares = ", ".join(known.get(name, "?") for name in ("ActiveState", "SubState", "Result", "ExecMainStatus"))
        tail = run("journalctl", "-u", unit, "-n", str(lines), "--no-pager", "--output=short-iso").splitlines()
        found += [f"-- {unit}: {fares} --", *tail]
    return found


def not_ready(pod: dict[str, Any]) -> bool:
    """Return whether a pod should be ready and is not."""
    if pod["status"].get("phase") == "Succeeded":
        return False
    return not any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def of_pods(kubectl: list[str], lines: int) -> list[str]:
    """Return events and the ends of logs of pods that are not ready."""
    try:
        pods = [pod for pod in json.loads(run(*kubectl, "get", "pods", "--output=json"))["items"] if not_ready(pod)]
    except (ValueError, KeyError):
        return ["-- the cluster's API does not answer --"]
    found: list[str] = []
    for pod in pods[:_MOST_PODS]:
        name = pod["metadata"]["name"]
        chosen = f"--field-selector=involvedObject.name={name}"
        columns = "--output=custom-columns=LAST:.lastTimestamp,TYPE:.type,REASON:.reason,MESSAGE:.message"
        events = run(
            *kubectl, "get", "events", chosen, "--sort-by=.lastTimestamp", "--no-headers", columns
        ).splitlines()
        found += [f"-- pod {name}: {pod['status'].get('phase')}; its events --", *events[-_MOST_EVENTS:]]
        for status in [*pod["status"].get("initContainerStatuses", []), *pod["status"].get("containerStatuses", [])]:
            ended = status.get("state", {}).get("terminated", {})
            if status.get("ready") or (ended and ended.get("exitCode") == 0):
                continue
            arguments = ["logs", name, f"--container={status['name']}", f"--tail={lines}"]
            previous = ["--previous"] if status.get("restartCount") and "running" not in status.get("state", {}) else []
            log = run(*kubectl, *arguments, *previous) or run(*kubectl, *arguments)
            found += [f"-- log of {name}, container {status['name']} --", *log.splitlines()] if log else []
    if not pods:
        columns = (
            "--output=custom-columns=LAST:.lastTimestamp,REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message"
        )
        warned = run(
            *kubectl,
            "get",
            "events",
            "--field-selector=type=Warning",
            "--sort-by=.lastTimestamp",
            "--no-headers",
            columns,
        )
        found += ["-- every pod is ready; the last warnings --", *warned.splitlines()[-_MOST_EVENTS:]] if warned else []
    return found


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "default": []},
            "namespace": {"type": "str", "default": ""},
            "kubeconfigs": {"type": "list", "elements": "path", "default": []},
            "lines": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    lines = of_units(module.params["units"], module.params["lines"])
    kubeconfig = next((path for path in module.params["kubeconfigs"] if os.path.exists(path)), None)
    if module.params["namespace"] and kubeconfig:
        kubectl = [
            "kubectl",
            "--kubeconfig",
            kubeconfig,
            "--request-timeout=5s",
            "--namespace",
            module.params["namespace"],
        ]
        lines += of_pods(kubectl, module.params["lines"])
    module.exit_json(changed=False, said={"lines": lines})


if __name__ == "__main__":
    main()
