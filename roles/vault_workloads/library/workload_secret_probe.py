#!/usr/bin/python
"""Use the platform's Vault as workloads do: one reads its own secret, another is refused it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: workload_secret_probe
short_description: Read a secret by the service account it is kept for, and have another be refused it
description:
  - What it makes it takes away again, in a namespace of its own and in the Vault.
  - The module itself logs in as the service accounts each time. Pods do it again when that was some hours ago, or when
    their image, the Vault's address or its role for workloads changed since.
extends_documentation_fragment: [platform.base.vault]
options:
  kubeconfig: {description: How to reach the cluster., type: path, required: true}
  namespace: {description: Where the last time that pods did it is kept., type: str, required: true}
  drill_hours: {description: How long that holds good while nothing changes., type: int, required: true}
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
    namespace: platform-secrets
    drill_hours: 24
    image: platform.internal/secret-reader:v0.1.0
    address: https://192.0.2.100:8200
    audience: platform-vault
    seconds: 60
"""

RETURN = r"""
platform_report:
  description: C(secret_practised) is when pods read a secret, or were refused it, and C(secret_seconds) how long that
    took.
  returned: success
  type: dict
"""

import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.platform.base.plugins.module_utils.drills import LastDrill, digest
from ansible_collections.platform.base.plugins.module_utils.kubectl import Kubectl, KubectlFailed
from ansible_collections.platform.base.plugins.module_utils.moments import as_moment
from ansible_collections.platform.base.plugins.module_utils.probe import Cluster, pod, room
from ansible_collections.platform.base.plugins.module_utils.vault_site import (
    ACCESS,
    MOUNT,
    VaultProblem,
    client_of,
    forget_secret,
    read_secret,
    vault_of,
    write_secret,
)

OWNER, STRANGER, MEANT_FOR_ANOTHER = "owner", "stranger", "misdirected"
# The account each of them is, and the Vault's role for all of them.
_ACCOUNTS = {OWNER: OWNER, STRANGER: STRANGER, MEANT_FOR_ANOTHER: OWNER}
_ROLE = "workload"
_SILENCE = "no answer"
_PAUSE = 2.0


def audience_of(name: str, given: Mapping[str, Any]) -> str:
    """Return who a token is made out to."""
    return str(given["audience"] if name != MEANT_FOR_ANOTHER else f"not-{given['audience']}")


def reader(name: str, account: str, given: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return a pod that reads a secret as a service account, with a token for the Vault alone."""
    token = {"path": "token", "audience": audience_of(name, given), "expirationSeconds": 600}
    container = {
        "image": given["image"],
        "args": [f"--address={given['address']}", f"--role={_ROLE}", f"--path={MOUNT}/data/{path}"],
        "volumeMounts": [
            {"name": "token", "mountPath": "/var/run/secrets/vault", "readOnly": True},
            {"name": "authority", "mountPath": "/etc/vault", "readOnly": True},
        ],
    }  # fmt: skip
    volumes = [
        {"name": "token", "projected": {"sources": [{"serviceAccountToken": token}]}},
        {"name": "authority", "configMap": {"name": "authority"}},
    ]
    return pod(name, container, account, volumes=volumes)


def pods(authority: str, given: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the three pods that ask for the same secret, with what they know the Vault by."""
    known = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "authority"}, "data": {"ca.crt": authority}}
    items = [known, *(reader(name, account, given, path) for name, account in _ACCOUNTS.items())]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def told_to_pods(cluster: Cluster, wanted: dict[str, Any]) -> dict[str, str]:
    """Return what each of the pods was told."""
    cluster.run("delete", "pods", "--all")
    cluster.create(wanted)
    told = {}
    for name in _ACCOUNTS:
        cluster.await_end(name)
        told[name] = cluster.run("logs", name).strip()
    return told


def ask(client: Any, token: str, path: str) -> str:
    """Return what the Vault tells who logs in with a service account's token, in the words of the pods' program."""
    from hvac.exceptions import Forbidden, VaultError
    from requests.exceptions import RequestException

    try:
        client.auth.kubernetes.login(_ROLE, token)
        try:
            # One that follows the leader knows what was written a moment later.
            value = read_secret(client, path).get("value")
            return f"value {value}" if value else "nothing is there"
        finally:
            client.auth.token.revoke_self()
    except Forbidden:
        return "refused"
    except (VaultError, RequestException) as error:
        return f"{_SILENCE}: {error}"


def told_to_accounts(
    cluster: Cluster, given: Mapping[str, Any], path: str, visitor: Callable[[], Any]
) -> dict[str, str]:
    """Return what is told to each account, which the cluster gives a token for some minutes."""
    told = {}
    for name, account in _ACCOUNTS.items():
        audience = audience_of(name, given)
        token = cluster.run("create", "token", account, f"--audience={audience}", "--duration=10m").strip()
        told[name] = ask(visitor(), token, path)
    return told


def is_early(told: Mapping[str, str]) -> bool:
    """Return whether asking again may tell other things: servers learn late, and Vaults choose who leads."""
    # API servers come to know one after another that the Vault may ask them whose a token is.
    return not told[OWNER].startswith("value ") or any(answer.startswith(_SILENCE) for answer in told.values())


def judge(told: Mapping[str, str], value: str, who: str) -> str | None:
    """Return what is wrong with what each was told; nothing when it is what it should be.

    Args:
        told: the answers, by name.
        value: what is kept, which is not shown.
        who: what asked, such as C(pod).
    """
    if told[OWNER] != f"value {value}":
        return f"The {OWNER} {who} did not get its secret: {told[OWNER]!r}."
    for name in (STRANGER, MEANT_FOR_ANOTHER):
        # A token that was made out to another is no longer known when the account logs in.
        if "refused" not in told[name]:
            shown = told[name].replace(value, "the secret itself")
            return f"The {name} {who} was not refused another's secret: {shown!r}."
    return None


class Probe:
    """One secret, and those who ask for it.

    Args:
        cluster: the namespace of those who ask.
        vault: a client that may keep the secret.
        visitor: returns a client that nobody has logged in with.
        given: the module's parameters.
    """

    def __init__(self, cluster: Cluster, vault: Any, visitor: Callable[[], Any], given: Mapping[str, Any]) -> None:
        self._cluster, self._vault, self._visitor, self._given = cluster, vault, visitor, given
        self._value = uuid.uuid4().hex
        self._path = f"workloads/{cluster.namespace}/{OWNER}/probe"

    def use(self, kubectl: Kubectl, now: Callable[[], float]) -> dict[str, str]:
        """Ask as each account, and return what is told of the last time that pods did, now unless that holds good.

        Raises:
            KubectlFailed: the cluster does not tell of that time.
        """
        given = self._given
        write_secret(self._vault, self._path, {"value": self._value})
        try:
            namespace, *accounts = room(self._cluster.namespace, OWNER, STRANGER)
            self._cluster.create({"apiVersion": "v1", "kind": "List", "items": [namespace, *accounts]})
            self._see("token", partial(told_to_accounts, self._cluster, given, self._path, self._visitor))
            last = LastDrill(kubectl, given["namespace"]).or_now(
                self._tried, given["drill_hours"], self._practised, now
            )
        finally:
            forget_secret(self._vault, self._path)
        return {"secret_practised": as_moment(float(last["at"])), "secret_seconds": last["seconds"]}

    def _tried(self) -> str:
        role = sorted(self._vault.auth.kubernetes.read_role(_ROLE).items())
        return digest([], role, self._given["image"], self._given["address"])

    def _practised(self) -> float:
        began = time.monotonic()
        with open(self._given["vault"]["ca_certificate"], encoding="ascii") as stream:
            wanted = pods(stream.read(), self._given, self._path)
        self._see("pod", partial(told_to_pods, self._cluster, wanted))
        return time.monotonic() - began

    def _see(self, who: str, answers: Callable[[], dict[str, str]]) -> None:
        """Fail unless each is told, within the time there is, what it should be."""
        end, told = time.monotonic() + self._given["seconds"], answers()
        while is_early(told) and time.monotonic() < end:
            time.sleep(_PAUSE)
            told = answers()
        if wrong := judge(told, self._value, who):
            self._cluster.fail(wrong)


def main() -> None:
    """Run the module."""
    text, path, number = ({"type": kind, "required": True} for kind in ("str", "path", "int"))
    module = AnsibleModule(
        argument_spec={
            "vault": ACCESS, "kubeconfig": path, "namespace": text, "image": text, "address": text, "audience": text,
            "drill_hours": number, "seconds": number,
        },
        supports_check_mode=True,
    )  # fmt: skip
    if module.check_mode:
        module.exit_json(changed=False, platform_report={})
    given = module.params
    cluster = Cluster(module, f"platform-verify-vault-{uuid.uuid4().hex[:8]}")
    visitor = partial(client_of, given["address"], given["vault"]["ca_certificate"])
    try:
        with vault_of(given) as vault:
            report = Probe(cluster, vault, visitor, given).use(Kubectl(given["kubeconfig"]), time.time)
    except VaultProblem as problem:
        module.fail_json(msg=str(problem))
    except KubectlFailed as failure:
        cluster.fail(str(failure))
    cluster.run("delete", "namespace", cluster.namespace, "--wait=false", "--ignore-not-found")
    module.exit_json(changed=False, platform_report=report)


if __name__ == "__main__":
    main()
