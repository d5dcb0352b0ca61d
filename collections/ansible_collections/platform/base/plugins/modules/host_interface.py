#!/usr/bin/python
"""Name the interface that has an address."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_interface
short_description: Name the interface that has an address
options:
  address: {description: The address., type: str, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Find the platform's interface
  platform.base.host_interface: {address: 192.0.2.11}
"""

RETURN = r"""
interface: {description: The interface's name., returned: always, type: str}
prefix: {description: The length of its network's prefix., returned: always, type: int}
mtu: {description: Its largest packet., returned: always, type: int}
"""

import json
import subprocess

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"address": {"type": "str", "required": True}}, supports_check_mode=True)
    listing = json.loads(subprocess.run(["ip", "-json", "address"], capture_output=True, text=True, check=True).stdout)
    for link in listing:
        for entry in link["addr_info"]:
            if entry["local"] == module.params["address"]:
                module.exit_json(changed=False, interface=link["ifname"], prefix=entry["prefixlen"], mtu=link["mtu"])
    found = ", ".join(sorted(entry["local"] for link in listing for entry in link["addr_info"]))
    module.fail_json(
        msg=f"No interface of this host has the address {module.params['address']}; it has {found}. "
        "Correct `platform_address`."
    )


if __name__ == "__main__":
    main()
