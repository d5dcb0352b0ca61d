"""What a set holds of a Vault: a snapshot, and what opens it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.backup_set import ComponentFiles
from ansible_collections.platform.base.plugins.module_utils.hostfile import Wanted, apply
from ansible_collections.platform.base.plugins.module_utils.vault_site import Kept

COMPONENT = "vault"
SNAPSHOT, KEYS = "snapshot.sealed", "keys.sealed"


def write_keys(into: ComponentFiles, account: Mapping[str, str], paths: Sequence[str]) -> None:
    """Put what the platform logs in with into a set, and files that are there."""
    files = {}
    for path in paths:
        if os.path.exists(path):
            with open(path, "rb") as stream:
                files[path] = base64.b64encode(stream.read()).decode()
    with into.sealing(KEYS) as sealer:
        sealer.write(json.dumps({"installer": dict(account), "files": files}).encode())


def read_keys(of: ComponentFiles) -> dict[str, Any]:
    """Return what was put in.

    Raises:
        SealBroken: it is not what was sealed, or the passphrase is another one.
    """
    with of.unsealing(KEYS) as stream:
        return dict(json.loads(stream.read()))


def take_over(keys: Mapping[str, Any], kept: Kept, set_id: str) -> None:
    """Make what opens the snapshot what this site's admin host keeps; what it logs in with comes last."""
    for path, content in keys["files"].items():
        apply(Wanted(path, content=base64.b64decode(content), mode=0o600))
    kept.write({"installer": keys["installer"], "restored": set_id})
