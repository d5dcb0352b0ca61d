#!/usr/bin/python
"""Try to leave the host, and see the attempt refused and counted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_probe
short_description: Try to leave the host, and see it refused and counted
description:
  - Opens a connection to addresses that nobody has. Each must be refused at once, and the counter must have grown.
  - Looks whether it will be so after a restart too.
options:
  unit: {description: The unit that brings the rules back when the host starts., type: str, required: true}
  rules: {description: The file with the rules that it brings back., type: path, required: true}
  addresses: {description: "Addresses to try, of both families.", type: list, elements: str, required: true}
  port: {description: The port to try., type: int, default: 443}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Try to leave
  egress_probe:
    addresses: [198.51.100.1, "2001:db8::1"]
    unit: platform-egress-guard.service
    rules: /etc/platform/egress.nft
"""

RETURN = r"""
platform_report: {description: How many packets were refused so far., returned: success, type: dict}
"""

import errno
import json
import socket
import subprocess

from ansible.module_utils.basic import AnsibleModule

_SECONDS = 3
# A host without IPv6 has no way out by it: that is as good.
_NO_WAY = (errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def after_restart(unit: str, rules: str) -> list[str]:
    """Return what keeps the rules from coming back with the host."""
    found = []
    for command, problem in (
        (["systemctl", "is-enabled", unit], f"{unit} does not start with the host"),
        (["nft", "--check", "--file", rules], f"the rules in {rules} are no good"),
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            found.append(f"{problem} ({(done.stderr or done.stdout).strip()}): deploy the component again")
    return found


def refused(module: AnsibleModule) -> int:
    """Return how many packets were refused so far."""
    done = subprocess.run(
        ["nft", "--json", "list", "counter", "inet", "platform_egress", "refused"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        module.fail_json(msg="The rules are not in force: deploy the component again. " + done.stderr.strip())
    entries = json.loads(done.stdout)["nftables"]
    return next(int(entry["counter"]["packets"]) for entry in entries if "counter" in entry)


def attempt(address: str, port: int) -> tuple[str, bool]:
    """Try to reach an address, and return what is wrong with the outcome and whether it must have been counted."""
    try:
        socket.create_connection((address, port), _SECONDS).close()
    except ConnectionRefusedError:
        return "", True
    except TimeoutError:
        return f"{address} was silent for {_SECONDS} s instead of being refused at once", False
    except OSError as error:
        # What a rule rejects as forbidden looks like this for some kernels.
        known = error.errno in (*_NO_WAY, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM)
        return "" if known else f"{address}: {error}", error.errno not in _NO_WAY
    return f"{address} was reached", False


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "addresses": {"type": "list", "elements": "str", "required": True},
            "port": {"type": "int", "default": 443},
            "unit": {"type": "str", "required": True},
            "rules": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    problems = after_restart(module.params["unit"], module.params["rules"])
    for address in module.params["addresses"]:
        before = refused(module)
        wrong, counted = attempt(address, module.params["port"])
        if counted and refused(module) <= before:
            wrong = f"the attempt to reach {address} was not counted"
        problems += [wrong] if wrong else []
    if problems:
        module.fail_json(msg="; ".join(problems) + ". Look at `nft list table inet platform_egress`.")
    module.exit_json(changed=False, platform_report={"egress_refused": str(refused(module))})


if __name__ == "__main__":
    main()
