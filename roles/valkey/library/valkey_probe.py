#!/usr/bin/python
"""Use Valkey as those do who have a password, and as those who have none."""

from __future__ import annotations

DOCUMENTATION = r"""
module: valkey_probe
short_description: Use Valkey as its users do, and as strangers
description:
  - Each user counts by a script, keeps a value for a moment, and is refused another's key and what only an operator
    may do.
  - Who has no password is refused everything but to see that it is there.
extends_documentation_fragment: [platform.base.vault]
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Where it runs., type: str, required: true}
  users:
    description: Who may use it.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: What the user is called., type: str, required: true}
      namespace: {description: Whose pods reach it., type: str, required: true}
      keys: {description: The pattern of its keys., type: str, required: true}
  address: {description: "Where it answers, C(HOST:PORT).", type: str, required: true}
  seconds: {description: How long it may take to be there., type: float, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Use it
  valkey_probe:
    vault: "{{ platform_vault_access }}"
    kubeconfig: /etc/platform/kubeconfig
    namespace: valkey
    users: [{name: shop, namespace: shop, keys: "shop:*"}]
    address: valkey.valkey.svc:6379
    seconds: 60
"""

RETURN = r"""
platform_report: {description: Who used it., returned: always, type: dict}
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    VaultProblem,
    read_secret,
    vault_of,
)

# What counts in one step, as a limit does.
_COUNT = "local n = redis.call('INCR', KEYS[1]) redis.call('PEXPIRE', KEYS[1], 10000) return n"
_NO_RIGHT = "NOPERM"


def conversation(user: str, password: str, pattern: str, token: str) -> list[tuple[str, str]]:
    """Return what a user says, each with how the answer must begin."""
    own = pattern.rstrip("*") + f"probe:{token}"
    return [
        (f"AUTH {user} {password}", "OK"),
        (f'EVAL "{_COUNT}" 1 {own}:count', "1"),
        (f'EVAL "{_COUNT}" 1 {own}:count', "2"),
        (f"SET {own} {token} EX 10", "OK"),
        (f"GET {own}", token),
        (f"SET stranger:{token} 1 EX 10", _NO_RIGHT),
        ("CONFIG GET maxmemory", _NO_RIGHT),
        ("FLUSHALL", _NO_RIGHT),
    ]


def strangers(user: str, token: str) -> list[tuple[str, str]]:
    """Return what somebody says who has no password, each with how the answer must begin."""
    return [
        ("PING", "PONG"), (f"GET {token}", _NO_RIGHT), (f"AUTH {user} {token}", "WRONGPASS"),
    ]  # fmt: skip


def wrong(said: Sequence[tuple[str, str]], answers: Sequence[str]) -> Iterator[str]:
    """Yield which answers are not what they must be; a password is not among what is told."""
    if len(answers) < len(said):
        yield f"only {len(answers)} of {len(said)} questions were answered"
    for (question, expected), answer in zip(said, answers, strict=False):
        if not answer.removeprefix("ERR ").startswith(expected):
            yield f"{question.split()[0]} was answered {answer!r}, and not {expected}"


class Door:
    """Valkey, asked in its own pod over TLS: it asks nobody, and so knows no names."""

    def __init__(self, cluster: Kubectl, namespace: str, address: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._host, _, self._port = address.partition(":")

    def await_ready(self, seconds: float) -> None:
        """Wait until the program is there.

        Raises:
            KubectlFailed: it is not in time.
        """
        self._cluster.await_rollout("deployment/valkey", self._namespace, seconds)

    def answers(self, said: Sequence[tuple[str, str]]) -> list[str]:
        """Return what is answered, a line a question; what is said is no argument, which others would see.

        Raises:
            KubectlFailed: nobody can be asked.
        """
        command = (
            "exec", "--stdin", f"--namespace={self._namespace}", "deployment/valkey", "--",
            "valkey-cli", "-h", "127.0.0.1", "-p", self._port, "--tls", "--cacert", "/etc/valkey/authority/ca.crt",
            "--sni", self._host,
        )  # fmt: skip
        told = self._cluster.run(*command, text="".join(f"{question}\n" for question, _ in said))
        return [line for line in told.splitlines() if line]


def use(door: Door, passwords: Mapping[str, str], users: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with how it answers."""
    found = []
    for user in users:
        token = uuid.uuid4().hex
        said = conversation(user["name"], passwords[user["name"]], user["keys"], token)
        found += [f"{user['name']}: {what}" for what in wrong(said, door.answers(said))]
        without = strangers(user["name"], token)
        found += [f"a stranger: {what}" for what in wrong(without, door.answers(without))]
    return found


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS, "kubeconfig": {"type": "path", "required": True}, "namespace": text,
            "users": {
                "type": "list", "elements": "dict", "required": True,
                "options": {"name": text, "namespace": text, "keys": {**text, "no_log": False}},
            },
            "address": text, "seconds": {"type": "float", "required": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    given = module.params
    names = [user["name"] for user in given["users"]]
    door = Door(Kubectl(given["kubeconfig"]), given["namespace"], given["address"])
    try:
        with vault_of(given) as client:
            passwords = {name: read_secret(client, f"valkey/{name}").get("password", "") for name in names}
        door.await_ready(given["seconds"])
        faults = use(door, passwords, given["users"])
    except (VaultProblem, KubectlFailed) as failure:
        module.fail_json(msg=str(failure))
    if faults:
        module.fail_json(msg=f"Valkey does not answer as it must: {'; '.join(faults)}.", evidence=faults)
    module.exit_json(changed=False, platform_report={"users": names})


if __name__ == "__main__":
    main()
