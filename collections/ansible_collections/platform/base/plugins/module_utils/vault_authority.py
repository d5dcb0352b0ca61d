"""The authority a Vault keeps below the platform's own; its key never leaves the Vault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.authority import serves, sign_below
from ansible_collections.platform.base.plugins.module_utils.vault_parts import Change, differs, read


def of_authority(client: Any, wanted: Mapping[str, Any], passphrase: str) -> Iterator[Change]:
    """Yield what the authority in the Vault lacks: a certificate, where its answers are found, its roles.

    Args:
        wanted: `mount`, `common_name`, `days`, `renew_days`, `certificate` and `key` (files of the platform's
            authority), `urls`, `roles`, and what those have in
            `common`.
    """
    if not wanted:
        return
    mount = wanted["mount"]
    known = str(read(client, f"{mount}/cert/ca").get("certificate") or "")
    if not serves(known, wanted["certificate"], wanted["renew_days"]):
        yield f"authority {mount}", partial(_begin, client, wanted, passphrase)
    if differs(read(client, f"{mount}/config/urls"), wanted["urls"]):
        yield f"addresses of {mount}", partial(client.write_data, f"{mount}/config/urls", data=wanted["urls"])
    for name, role in wanted["roles"].items():
        path = f"{mount}/roles/{name}"
        whole = {**wanted["common"], **role}
        if differs(read(client, path), whole):
            yield f"role {mount}/{name}", partial(client.write_data, path, data=whole)


def _begin(client: Any, wanted: Mapping[str, Any], passphrase: str) -> None:
    """Have the Vault make a key and sign it; what it signed before stays good, and known, until its end."""
    mount = wanted["mount"]
    request = {"common_name": wanted["common_name"], "key_type": "ec", "key_bits": 384}
    answer = client.write_data(f"{mount}/intermediate/generate/internal", data=request)["data"]
    signed = sign_below(answer["csr"], wanted["certificate"], wanted["key"], passphrase, wanted["days"])
    with open(wanted["certificate"], encoding="ascii") as stream:
        chain = signed + stream.read()
    imported = client.write_data(f"{mount}/intermediate/set-signed", data={"certificate": chain})["data"]
    made = next(issuer for issuer, key_id in imported["mapping"].items() if key_id)
    client.write_data(f"{mount}/config/issuers", data={"default": made})
