#!/usr/bin/python
"""Take a snapshot of a Vault, with what opens it, encrypted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_backup
short_description: Take a snapshot of a Vault, with what opens it
description:
  - Writes two files, encrypted with a passphrase. One is the snapshot, which the Vault itself encrypted already. The
    other is what the platform logs in with, and files such as the operators' shares.
extends_documentation_fragment: [platform.base.vault, platform.base.backup]
options:
  files: {description: "Files to keep with it, as far as they are there.", type: list, elements: path, default: []}
  seconds: {description: How long the servers may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Take a snapshot
  platform.base.vault_backup:
    vault: "{{ platform_vault_access }}"
    backup: "{{ platform_backup_access }}"
    files: [/etc/platform/vault/shares.json]
"""

RETURN = r"""
as_of: {description: "The moment it shows, in UTC by ISO 8601.", returned: always, type: str}
size: {description: Bytes of the snapshot., returned: always, type: int}
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils import backup_set
from ansible_collections.platform.base.plugins.module_utils.backup_set import ComponentFiles, this_moment
from ansible_collections.platform.base.plugins.module_utils.vault_set import COMPONENT, SNAPSHOT, write_keys
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    client_of,
    kept_of,
    vault_of,
)

_CHUNK = 1 << 20


def take(client: Any, into: ComponentFiles) -> int:
    """Write the snapshot of the server that leads, and return its size.

    Raises:
        VaultProblem: it broke off.
    """
    from requests.exceptions import RequestException

    size = 0
    try:
        with client.sys.take_raft_snapshot() as answer, into.sealing(SNAPSHOT) as sealer:
            for chunk in answer.iter_content(_CHUNK):
                size += sealer.write(chunk)
            if not size:
                raise VaultProblem("The Vault gave an empty snapshot. Look at `journalctl -u platform-vault`.")
    except RequestException as error:
        raise VaultProblem(f"The snapshot broke off: {error}. Run it again.") from error
    return size


def back_up(given: Mapping[str, Any]) -> dict[str, Any]:
    """Take the snapshot, and what opens it."""
    access, into = given["vault"], ComponentFiles(given["backup"], COMPONENT)
    with vault_of(given) as client:
        as_of = this_moment()
        size = take(client_of(client.url, access["ca_certificate"], client.token, given["seconds"]), into)
        write_keys(into, kept_of(access).read()["installer"], given["files"])
    return {"as_of": as_of, "size": size}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "backup": backup_set.ACCESS,
            "files": {"type": "list", "elements": "path", "default": []},
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=False,
    )
    try:
        with kept_of(module.params["vault"]).alone():
            told = back_up(module.params)
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=False, **told)


if __name__ == "__main__":
    main()
