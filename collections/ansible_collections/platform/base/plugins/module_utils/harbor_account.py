"""Harbor's administrator, by the password that the Vault keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.harbor_api import OK, Harbor, HarborRefused
from ansible_collections.platform.base.plugins.module_utils.vault_site import read_secret, write_secret
from ansible_collections.platform.base.plugins.module_utils.web_door import Door

ADMIN, INTERNAL = "admin", "harbor/internal"
# While a rotation is under way either may be the good one.
PASSWORD, NEXT = "admin_password", "admin_password_next"


def administrator_password(client: Any, door: Door, wet: bool = True) -> str:
    """Return the administrator's password; a rotation that was killed after Harbor was told is seen to its end.

    Args:
        client: of the Vault.
        door: the way to Harbor.
        wet: whether the Vault may be told.

    Raises:
        HarborRefused: no password that is kept lets the administrator in.
    """
    kept = read_secret(client, INTERNAL)
    for name in (PASSWORD, NEXT):
        if kept.get(name) and Harbor(door, ADMIN, kept[name]).ask("GET", "/users/current").status == OK:
            if name == NEXT and wet:
                settle_password(client, kept)
            return str(kept[name])
    raise HarborRefused("Harbor refuses the administrator's password that the Vault keeps")


def settle_password(client: Any, kept: Mapping[str, Any]) -> None:
    """Keep the next password as the good one."""
    document = {**kept, PASSWORD: kept[NEXT]}
    del document[NEXT]
    write_secret(client, INTERNAL, document)
