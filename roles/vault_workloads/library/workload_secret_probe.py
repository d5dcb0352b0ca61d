#!/usr/bin/python
"""Use the platform's Vault as workloads do: one reads its own secret, another is refused it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: workload_secret_probe
short_description: Have a pod read its secret by its service account, and another be refused it
description:
  - What it makes it takes away again, in a namespace of its own and in the Vault.
extends_documentation_fragment: [platform.base.vault]
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  image: {description: An image that reads a secret., type: str, required: true}
  address: {description: Where pods ask the Vault., type: str, required: true}
  audience: {description: Who the pods' tokens are made out to., type: str, required: true}
  seconds: {description: How long each step may take., type: int, required: true}
author: [The platform-install project]
"""

EXAMPLES = r"""
- name: Use it
  workload_secret_probe:
    vault: "{{ platform_vault_access }}"
    kubeconfig: /etc/platform/kubeconfig
    image: platform.internal/secret-reader:v0.1.0
    address: https://192.0.2.100:8200
    audience: platform-vault
    seconds: 60
"""

RETURN = r"""
seconds: {description: How long it took., returned: always, type: float}
"""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.probe import Cluster, pod, room
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    MOUNT,
    VaultProblem,
    enter,
    forget_secret,
    write_secret,
)

OWNER, STRANGER, MEANT_FOR_ANOTHER = "owner", "stranger", "misdirected"


def reader(name: str, account: str, given: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return a pod that reads a secret as a service account, with a token for the Vault alone."""
    audience = given["audience"] if name != MEANT_FOR_ANOTHER else f"not-{given['audience']}"
    token = {"path": "token", "audience": audience, "expirationSeconds": 600}
    container = {
        "image": given["image"],
        "args": [f"--address={given['address']}", "--role=workload", f"--path={MOUNT}/data/{path}"],
        "volumeMounts": [
            {"name": "token", "mountPath": "/var/run/secrets/vault", "readOnly": True},
            {"name": "authority", "mountPath": "/etc/vault", "readOnly": True},
        ],
    }  # fmt: skip
    volumes = [
        {"name": "token", "projected": {"sources": [{"serviceAccountToken": token}]}},
        {"name": "authority", "configMap": {"name": "authority"}},
    ]
    return pod(name, container, account, volumes=volumes, restartPolicy="OnFailure")


def objects(namespace: str, authority: str, given: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the namespace, its accounts, and the three pods that ask for the same secret."""
    known = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "authority"}, "data": {"ca.crt": authority}}
    accounts = {OWNER: OWNER, STRANGER: STRANGER, MEANT_FOR_ANOTHER: OWNER}
    pods = [reader(name, account, given, path) for name, account in accounts.items()]
    return {
        "apiVersion": "v1", "kind": "List",
        "items": [*room(namespace, OWNER, STRANGER), known, *pods],
    }  # fmt: skip


def answers(cluster: Cluster, wanted: dict[str, Any]) -> dict[str, str]:
    """Return what each of the pods was told."""
    cluster.create(wanted)
    told = {}
    for name in (OWNER, STRANGER, MEANT_FOR_ANOTHER):
        cluster.await_end(name)
        told[name] = cluster.run("logs", name).strip()
    return told


def judge(told: Mapping[str, str], token: str) -> str | None:
    """Return what is wrong with what the pods were told; nothing when each was told what it should be."""
    if told[OWNER] != f"value {token}":
        return f"The pod did not get its secret: {told[OWNER]!r}."
    for name in (STRANGER, MEANT_FOR_ANOTHER):
        # A token that was made out to another is no longer known when the account logs in.
        if "refused" not in told[name]:
            return (
                f"The {name} pod was not refused another's secret: {told[name].replace(token, 'the secret itself')!r}."
            )
    return None


def main() -> None:
    """Run the module."""
    text, path = {"type": "str", "required": True}, {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS, "kubeconfig": path, "image": text, "address": text, "audience": text,
            "seconds": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, seconds=0.0)
    given, began, token = module.params, time.monotonic(), uuid.uuid4().hex
    cluster = Cluster(module, f"platform-verify-vault-{token[:8]}")
    secret = f"workloads/{cluster.namespace}/{OWNER}/probe"
    try:
        client = enter(given["vault"], given["seconds"])
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    write_secret(client, secret, {"value": token})
    try:
        with open(given["vault"]["ca_certificate"], encoding="ascii") as stream:
            wanted = objects(cluster.namespace, stream.read(), given, secret)
        told = answers(cluster, wanted)
        # API servers come to know one after another that the Vault may ask them whose a token is.
        while "refused" in told[OWNER] and time.monotonic() - began < given["seconds"]:
            cluster.run("delete", "pods", "--all")
            told = answers(cluster, wanted)
    finally:
        forget_secret(client, secret)
        client.auth.token.revoke_self()
    if wrong := judge(told, token):
        cluster.fail(wrong)
    cluster.run("delete", "namespace", cluster.namespace, "--wait=false", "--ignore-not-found")
    module.exit_json(changed=False, seconds=round(time.monotonic() - began, 1))


if __name__ == "__main__":
    main()
