#!/usr/bin/python
"""Initialise a Vault once, and see that all its servers are open."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_start
short_description: Initialise a Vault once, and see that all its servers are open
description:
  - What opens the Vault is given to operators in shares, each encrypted to an operator's key; nothing of it is ever
    written in clear. The first token is kept encrypted until the Vault is set up.
  - A run that was killed goes on where it was.
extends_documentation_fragment: [platform.base.vault]
options:
  operator_keys: {description: "Operators and their OpenPGP public keys, armoured.", type: dict, required: true}
  threshold: {description: How many operators it takes together., type: int, required: true}
  opens_itself: {description: Whether servers open themselves; shares recover then., type: bool, required: true}
  shares: {description: "The file for the operators' shares.", type: path, required: true}
  program: {description: "The servers' program, for what operators are told to type.", type: path, required: true}
  seconds: {description: How long the servers may take., type: float, default: 120}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Initialise and open
  platform.base.vault_start:
    vault: "{{ platform_vault_access }}"
    operator_keys: {alice: "{{ lookup('ansible.builtin.file', '/root/keys/alice.asc') }}"}
    threshold: 1
    opens_itself: true
    shares: /etc/platform/vault/shares.json
    program: /usr/local/bin/vault
"""

RETURN = r"""
sealed: {description: Servers that wait for operators., returned: failure, type: list, elements: str}
unheard:
  description: Whether it was initialised and the answer was lost with the run that asked, so that it must begin anew.
  returned: success
  type: bool
"""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    Kept,
    VaultProblem,
    client_of,
    kept_of,
    seal_status,
    wait_for,
)

# For servers that only operators can open.
_LOOK_SECONDS = 5


def dearmour(text: str) -> str:
    """Return an armoured OpenPGP key as the server wants it: base64 without its frame.

    Raises:
        VaultProblem: it is no armoured public key.
    """
    lines = text.strip().splitlines()
    if not lines or lines[0].strip() != "-----BEGIN PGP PUBLIC KEY BLOCK-----" or "" not in map(str.strip, lines):
        raise VaultProblem(
            "A file of `vault_operator_keys` holds no armoured OpenPGP public key: `gpg --armor --export`."
        )
    begin = [line.strip() for line in lines].index("") + 1
    # A line that begins with an equals sign is the checksum.
    return "".join(line.strip() for line in lines[begin:-1] if not line.startswith("="))


def answering(clients: Mapping[str, Any], seconds: float, opens_itself: bool) -> dict[str, dict[str, Any]]:
    """Return the status of every server.

    Raises:
        VaultProblem: some do not answer in time.
    """

    def all_of_them() -> dict[str, dict[str, Any]]:
        found = {name: seal_status(client) for name, client in clients.items()}
        return found if all(found.values()) else {}

    found: dict[str, dict[str, Any]] = wait_for(all_of_them, seconds)
    if not found:
        silent = ", ".join(name for name, client in clients.items() if not seal_status(client))
        need = " What opens it, as the other Vault or the HSM, must answer before it does." if opens_itself else ""
        raise VaultProblem(f"No answer from {silent}. Look at `journalctl -u platform-vault` there.{need}")
    return found


def initialise(client: Any, given: Mapping[str, Any], kept: Kept) -> None:
    """Initialise the first server, and keep what it answers before anything else is done.

    Raises:
        VaultProblem: there are too few operators, or it does not answer.
    """
    from hvac.exceptions import VaultError
    from requests.exceptions import RequestException

    keys = {name: dearmour(text) for name, text in given["operator_keys"].items()}
    if len(keys) < given["threshold"]:
        raise VaultProblem(
            f"`vault_operator_keys` names {len(keys)} operators, and `vault_threshold` asks for {given['threshold']}."
        )
    kept.write({"begun": True})
    count, threshold, pgp = len(keys), given["threshold"], list(keys.values())
    try:
        if given["opens_itself"]:
            answer = client.sys.initialize(recovery_shares=count, recovery_threshold=threshold, recovery_pgp_keys=pgp)
        else:
            answer = client.sys.initialize(secret_shares=count, secret_threshold=threshold, pgp_keys=pgp)
    except (VaultError, RequestException) as error:
        raise VaultProblem(
            f"The Vault did not say what its initialisation came to: {error}. Look at `journalctl -u platform-vault`, "
            "and run this again: it begins anew, for nothing can have been put in."
        ) from error
    kept.write({"root_token": answer["root_token"]})
    shares = answer["recovery_keys_base64"] if given["opens_itself"] else answer["keys_base64"]
    document = {"threshold": threshold, "shares": dict(zip(keys, shares, strict=True))}
    descriptor = os.open(given["shares"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        json.dump(document, stream, indent=2)


def opened(clients: Mapping[str, Any], seconds: float) -> list[str]:
    """Return the servers that are not open in time."""
    shut: list[str] = []

    def all_open() -> bool:
        shut[:] = [name for name, client in clients.items() if seal_status(client).get("sealed", True)]
        return not shut

    wait_for(all_open, seconds)
    return shut


class StillShut(VaultProblem):
    """Servers wait for operators."""

    def __init__(self, text: str, sealed: list[str]) -> None:
        super().__init__(text)
        self.sealed = sealed


def to_type(given: Mapping[str, Any], shut: Sequence[str], joined: Collection[str]) -> str:
    """Return what operators are to do.

    Args:
        shut: the servers to open.
        joined: those of them that know the shares; the others come to know them from a server that is open.
    """
    later = [name for name in shut if name not in joined] if joined else []
    lines = [
        f"Vault is shut on {', '.join(shut)}, and needs {given['threshold']} of its operators: "
        f"{', '.join(given['operator_keys'])}. Each of them",
        "  takes the share that is encrypted to them, as root on the admin host, with their own name for NAME:",
        f'    sed -n \'s/^ *"NAME": "\\(.*\\)".*/\\1/p\' {given["shares"]} | base64 -d > NAME.share',
        "  reads it where their key is:",
        "    gpg --decrypt NAME.share",
        "  and types it, as root:",
        *(f"    on {name}: {_unseal(given, name)}" for name in shut if name not in later),
    ]
    if later:
        lines.append(
            f"When that is open, {', '.join(later)} will join it within seconds; then each types it there, too:"
        )
        lines += [f"    on {name}: {_unseal(given, name)}" for name in later]
    return "\n".join([*lines, "Then run this again: it goes on from here."])


def _unseal(given: Mapping[str, Any], name: str) -> str:
    access, product = given["vault"], "BAO" if given["program"].endswith("bao") else "VAULT"
    address, authority = f"{product}_ADDR={access['urls'][name]}", f"{product}_CACERT={access['ca_certificate']}"
    return f"{address} {authority} {given['program']} operator unseal"


def start(given: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Initialise servers that are new, see that all are open, and return what a task is told.

    Raises:
        StillShut: operators have to open some.
        VaultProblem: some do not answer, or operators' keys are wrong.
    """
    access = given["vault"]
    clients = {name: client_of(url, access["ca_certificate"]) for name, url in access["urls"].items()}
    kept = kept_of(access)
    found = answering(clients, given["seconds"], given["opens_itself"])
    new = not any(status["initialized"] for status in found.values())
    if new and check_mode:
        return {"changed": True, "unheard": False}
    with kept.alone():
        if not new and kept.read().get("begun"):
            return {"changed": False, "unheard": True}
        if new:
            # It asks another Vault or an HSM meanwhile, and an answer that nobody waits for is lost.
            first = next(iter(access["urls"].values()))
            initialise(client_of(first, access["ca_certificate"], seconds=given["seconds"]), given, kept)
    if shut := opened(clients, given["seconds"] if given["opens_itself"] else _LOOK_SECONDS):
        joined = {name for name in shut if seal_status(clients[name]).get("initialized")}
        raise StillShut(to_type(given, shut, joined), shut)
    return {"changed": new, "unheard": False}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS,
            "operator_keys": {"type": "dict", "required": True, "no_log": False},
            "threshold": {"type": "int", "required": True},
            "opens_itself": {"type": "bool", "required": True},
            "shares": {"type": "path", "required": True},
            "program": {"type": "path", "required": True},
            "seconds": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )
    try:
        result = start(module.params, module.check_mode)
    except StillShut as problem:
        module.fail_json(msg=str(problem), sealed=problem.sealed)
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
