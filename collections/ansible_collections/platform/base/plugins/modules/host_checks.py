#!/usr/bin/python
"""Look at a host as a user would, and list everything that is wrong."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_checks
short_description: Check that a host is as it should be
description:
  - Takes a list, runs every check, and fails once with all that is wrong.
  - Changes nothing. Each check waits, at most C(seconds), until it holds.
options:
  checks:
    description: What must hold.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: What the check is about., type: str, required: true}
      cure: {description: What to do when it fails., type: str, default: ""}
      command: {description: A program and its arguments., type: list, elements: str}
      status: {description: The status the program must end with., type: int, default: 0}
      output: {description: A regular expression its output must match., type: str}
      no_output: {description: A regular expression its output must not match., type: str}
      unit: {description: A systemd unit that must be active., type: str}
      sysctl: {description: Kernel settings and their values., type: dict}
      file: {description: A file that must exist., type: path}
      holds: {description: A regular expression the file must match., type: str}
      listens: {description: A TCP port something must listen on., type: int}
      seconds: {description: How long to wait for it., type: float, default: 0}
      report: {description: Names what the first group of C(output) found in the run's report., type: str}
      environment: {description: Variables for the command., type: dict, default: {}}
      component: {description: Whose check it is; results are told apart by it., type: str, default: ""}
  foundation:
    description:
      - A file every deployed host has. Where it is missing the host was set up anew since, and nothing else is
        looked at, for all of it would be waited for in vain.
    type: path
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Look at the time service
  platform.base.host_checks:
    checks:
      - {name: the clock is right, command: [chronyc, waitsync, "1", "0.5"], cure: Look at `chronyc sources`.}
"""

RETURN = r"""
platform_report:
  description: What checks found for the run's report.
  returned: always
  type: dict
components:
  description:
    - Of each component the C(problems), the C(seconds) its checks took, its C(platform_report), and whether the host
      is C(bare), without the foundation.
  returned: always
  type: dict
"""

import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.module_utils.basic import AnsibleModule

_COMMAND_SECONDS = 60
_TAIL = 600
_SHOWN = 120
_BARE = (
    "Nothing of the platform is on this host: it was set up anew since. Install again, and what belongs there comes."
)


def of_command(check: dict[str, Any], report: dict[str, str]) -> str:
    """Return what is wrong with a command's end, or an empty text."""
    environment = {name: str(value) for name, value in check["environment"].items()}
    try:
        done = subprocess.run(
            check["command"], capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False,
            env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"`{' '.join(check['command'])}` did not run: {error}"
    shown = " ".join(check["command"])
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + " …"
    said = (done.stdout + done.stderr).strip()
    if done.returncode != check["status"]:
        return f"`{shown}` ended with {done.returncode}, not {check['status']}: {said[-_TAIL:]}"
    if check["output"] is not None:
        found = re.search(check["output"], done.stdout, re.MULTILINE)
        if found is None:
            return f"`{shown}` said nothing like {check['output']!r}: {said[-_TAIL:]}"
        if check["report"] is not None:
            report[check["report"]] = found.group(1)
    if check["no_output"] is not None and (match := re.search(check["no_output"], done.stdout, re.MULTILINE)):
        return f"`{shown}` said {match.group(0)!r}"
    return ""


def of_unit(name: str) -> str:
    """Return what is wrong with a unit."""
    done = subprocess.run(["systemctl", "is-active", name], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{name} is {done.stdout.strip() or 'not there'}"


def of_sysctl(values: dict[str, Any]) -> str:
    """Return the kernel settings that are not in force."""
    wrong = []
    for name, value in values.items():
        try:
            with open("/proc/sys/" + name.replace(".", "/"), encoding="ascii") as stream:
                found = " ".join(stream.read().split())
        except OSError:
            found = "not there"
        if found != str(value):
            wrong.append(f"{name} is {found}, not {value}")
    return "; ".join(wrong)


def of_file(check: dict[str, Any]) -> str:
    """Return what is wrong with a file."""
    try:
        with open(check["file"], encoding="utf-8", errors="replace") as stream:
            content = stream.read()
    except OSError as error:
        return f"{check['file']} cannot be read: {error.strerror}"
    if check["holds"] is not None and not re.search(check["holds"], content, re.MULTILINE):
        return f"{check['file']} holds nothing like {check['holds']!r}"
    return ""


def of_port(port: int) -> str:
    """Return whether nothing listens on a TCP port."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as stream:
            if any(fields[1].endswith(wanted) and fields[3] == "0A" for fields in map(str.split, list(stream)[1:])):
                return ""
    return f"nothing listens on TCP port {port}"


def wrong_with(check: dict[str, Any], report: dict[str, str]) -> str:
    """Return what is wrong, or an empty text."""
    if check["command"] is not None:
        return of_command(check, report)
    if check["unit"] is not None:
        return of_unit(check["unit"])
    if check["sysctl"] is not None:
        return of_sysctl(check["sysctl"])
    if check["file"] is not None:
        return of_file(check)
    if check["listens"] is not None:
        return of_port(check["listens"])
    return "the check asks for nothing"


def problem_of(check: dict[str, Any], report: dict[str, str]) -> str:
    """Return what is wrong, with its cure, once there was time enough for it to come right; or an empty text."""
    end = time.monotonic() + check["seconds"]
    while (wrong := wrong_with(check, report)) and time.monotonic() < end:
        time.sleep(min(0.5, check["seconds"]))
    return f"{check['name']}: {wrong}." + (f" {check['cure']}" if check["cure"] else "") if wrong else ""


def outcome(checks: list[dict[str, Any]]) -> dict[str, Any]:
    """Run checks one after another, and return what came of them."""
    began = time.monotonic()
    report: dict[str, str] = {}
    problems = [problem for check in checks if (problem := problem_of(check, report))]
    return {"problems": problems, "seconds": time.monotonic() - began, "platform_report": report}


def outcomes(checks: list[dict[str, Any]], foundation: str | None = None) -> dict[str, dict[str, Any]]:
    """Run every check, and return what came of them by component; none waits for another's."""
    parts: dict[str, list[dict[str, Any]]] = {}
    for check in checks:
        parts.setdefault(check["component"], []).append(check)
    if foundation is not None and not os.path.exists(foundation):
        return {name: {"problems": [_BARE], "seconds": 0.0, "platform_report": {}, "bare": True} for name in parts}
    with ThreadPoolExecutor(max(1, len(parts))) as pool:
        return dict(zip(parts, pool.map(outcome, parts.values()), strict=True))


def main() -> None:
    """Run the module."""
    text = {"type": "str"}
    entry = {
        "name": {"type": "str", "required": True},
        "cure": {"type": "str", "default": ""},
        "command": {"type": "list", "elements": "str"},
        "status": {"type": "int", "default": 0},
        "output": text,
        "no_output": text,
        "unit": text,
        "sysctl": {"type": "dict"},
        "file": {"type": "path"},
        "holds": text,
        "listens": {"type": "int"},
        "seconds": {"type": "float", "default": 0},
        "report": text,
        "environment": {"type": "dict", "default": {}},
        "component": {"type": "str", "default": ""},
    }
    module = AnsibleModule(
        argument_spec={
            "checks": {"type": "list", "elements": "dict", "required": True, "options": entry},
            "foundation": {"type": "path"},
        },
        supports_check_mode=True,
    )
    components = outcomes(module.params["checks"], module.params["foundation"])
    problems = [problem for part in components.values() for problem in part["problems"]]
    report = {name: value for part in components.values() for name, value in part["platform_report"].items()}
    if problems:
        module.fail_json(msg="\n".join(problems), components=components, platform_report=report)
    module.exit_json(changed=False, components=components, platform_report=report)


if __name__ == "__main__":
    main()
