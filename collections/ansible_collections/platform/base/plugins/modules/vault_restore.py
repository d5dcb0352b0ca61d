#!/usr/bin/python
"""Put a snapshot into a Vault, and make what opens it what the site keeps."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_restore
short_description: Put a snapshot into a Vault, and take over what opens it
description:
  - The servers are initialised, and were perhaps never used. What is in them is replaced. They shut themselves when
    the snapshot is of others, and open by what opened those, which is on the admin host from then on.
  - A run that was killed goes on where it was.
extends_documentation_fragment: [platform.base.vault, platform.base.backup]
options:
  seconds: {description: How long the servers may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Put the snapshot in
  platform.base.vault_restore:
    vault: "{{ platform_vault_access }}"
    backup: "{{ platform_backup_access }}"
"""

RETURN = r"""
put: {description: Whether the snapshot was put in by this run., returned: always, type: bool}
"""

import secrets
import tempfile
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils import backup_set
from ansible_collections.platform.base.plugins.module_utils.backup_set import ComponentFiles
from ansible_collections.platform.base.plugins.module_utils.sealed import SealBroken
from ansible_collections.platform.base.plugins.module_utils.vault_set import COMPONENT, SNAPSHOT, read_keys, take_over
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    client_of,
    enter,
    kept_of,
    login,
    read_secret,
    seal_status,
    voters,
    wait_for,
    write_secret,
)

_CHUNK = 1 << 20
# Is there before the snapshot is put in, and not afterwards.
_MARK = "backup/being-replaced"


def all_shut(access: Mapping[str, Any]) -> bool:
    """Return whether no server is open, and each says so."""
    clients = [client_of(url, access["ca_certificate"]) for url in access["urls"].values()]
    return all(seal_status(client).get("sealed", False) for client in clients)


def let_in(access: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """Return a client that an account lets in now; None when it does not."""
    try:
        return login(access["urls"], access["ca_certificate"], known, 0)
    except VaultProblem:
        return None


def replaced(access: Mapping[str, Any], keys: Mapping[str, Any], mark: str) -> bool:
    """Return whether the snapshot is in force: servers wait for its keys, or know its account and not the mark."""
    if all_shut(access):
        return True
    client = let_in(access, keys)
    return client is not None and read_secret(client, _MARK).get("mark") != mark


def put(access: Mapping[str, Any], keys: Mapping[str, Any], of: ComponentFiles, seconds: float) -> None:
    """Put the snapshot in, and wait until all servers have it.

    Raises:
        VaultProblem: they do not take it.
    """
    from hvac.exceptions import VaultError
    from requests.exceptions import RequestException

    client = enter(access, seconds)
    # One that is still joining takes the snapshot over and does not notice: it goes on with the keys it had.
    voters(client, access["urls"], seconds)
    mark = secrets.token_hex(8)
    write_secret(client, _MARK, {"mark": mark})
    with tempfile.TemporaryFile(dir=of.folder) as whole:
        # Whole first: of what was changed on its way nothing is put in.
        with of.unsealing(SNAPSHOT) as stream:
            while chunk := stream.read(_CHUNK):
                whole.write(chunk)
        whole.seek(0)
        try:
            patient = client_of(client.url, access["ca_certificate"], client.token, seconds)
            patient.sys.force_restore_raft_snapshot(whole)
        except (VaultError, RequestException) as error:
            raise VaultProblem(f"The Vault does not take the snapshot: {error}.") from error
    if not wait_for(lambda: replaced(access, keys, mark), seconds):
        raise VaultProblem(
            "The Vault took the snapshot and goes on without it. Look at `journalctl -u platform-vault`."
        )


def restore(given: Mapping[str, Any]) -> bool:
    """Put the snapshot in unless an earlier run has, take over what opens it, and say whether it was put in."""
    access, of = given["vault"], ComponentFiles(given["backup"], COMPONENT)
    kept = kept_of(access)
    known, keys = kept.read(), read_keys(of)
    if known.get("restored") == of.set_id:
        # Only the servers have to be opened still.
        return False
    begun = known.get("restoring") == of.set_id
    if begun and let_in(access, known) is None and all_shut(access):
        take_over(keys, kept, of.set_id)
        return False
    kept.write({**known, "restoring": of.set_id})
    put(access, keys, of, given["seconds"])
    take_over(keys, kept, of.set_id)
    return True


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "backup": backup_set.ACCESS,
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=False,
    )
    try:
        with kept_of(module.params["vault"]).alone():
            done = restore(module.params)
    except (VaultProblem, SealBroken) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=True, put=done)


if __name__ == "__main__":
    main()
