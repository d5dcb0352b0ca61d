"""What a Vault must have, part by part: each yields what is missing, and how to make it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

ACCOUNT = "platform-installer"
_ACCESSOR = "@kubernetes@"
_REVIEWER = "vault_workloads/reviewer"

Change = tuple[str, Callable[[], Any]]


def of_audit(client: Any, wanted: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the audit devices that are missing."""
    there = client.sys.list_enabled_audit_devices()["data"] if wanted else {}
    for path, device in wanted.items():
        if f"{path}/" not in there:
            enable = partial(client.sys.enable_audit_device, device["type"], options=device.get("options"), path=path)
            yield f"audit {path}", enable


def of_mounts(client: Any, wanted: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the secret engines that are missing."""
    there = client.sys.list_mounted_secrets_engines()["data"]
    for path, engine in wanted.items():
        if f"{path}/" not in there:
            given = {"options": engine.get("options"), "config": engine.get("config")}
            yield f"mount {path}", partial(client.sys.enable_secrets_engine, engine["type"], path=path, **given)


def of_keys(client: Any, wanted: list[str]) -> Iterator[Change]:
    """Yield the encryption keys that are missing."""
    from hvac.exceptions import InvalidPath

    def there() -> list[str]:
        try:
            return list(client.secrets.transit.list_keys()["data"]["keys"])
        except InvalidPath:
            return []

    for name in sorted(set(wanted) - set(there() if wanted else [])):
        yield f"key {name}", partial(client.secrets.transit.create_key, name)


def of_policies(client: Any, wanted: Mapping[str, str]) -> Iterator[Change]:
    """Yield the policies that are missing or say something else; `@kubernetes@` stands for the way workloads log in."""
    there = client.sys.list_policies()["data"]["policies"] if wanted else {}
    for name, template in wanted.items():
        text = template
        if _ACCESSOR in template:
            text = template.replace(_ACCESSOR, client.sys.list_auth_methods()["data"]["kubernetes/"]["accessor"])
        if name not in there or client.sys.read_policy(name)["data"]["rules"] != text:
            yield f"policy {name}", partial(client.sys.create_or_update_policy, name, text)


def of_account(client: Any, token_minutes: int, bound: list[str]) -> Iterator[Change]:
    """Yield what the platform's own account lacks."""
    from hvac.exceptions import InvalidPath

    if "approle/" not in client.sys.list_auth_methods()["data"]:
        yield "login approle", partial(client.sys.enable_auth_method, "approle")
    wanted = {
        "token_policies": [ACCOUNT],
        "token_ttl": token_minutes * 60,
        "token_max_ttl": token_minutes * 60,
        "secret_id_bound_cidrs": bound,
        "token_bound_cidrs": bound,
    }
    try:
        found = client.auth.approle.read_role(ACCOUNT)["data"]
    except InvalidPath:
        found = {}
    if differs(found, wanted):
        yield f"account {ACCOUNT}", partial(client.auth.approle.create_or_update_approle, ACCOUNT, **wanted)


def of_kubernetes(client: Any, wanted: Mapping[str, Any] | None) -> Iterator[Change]:
    """Yield what workloads' way to log in lacks.

    Args:
        wanted: `host` and `authority` of the cluster's API, and the `reviewer` that asks it whose a token is.
    """
    if not wanted:
        return
    if "kubernetes/" not in client.sys.list_auth_methods()["data"]:
        yield "login kubernetes", partial(client.sys.enable_auth_method, "kubernetes")
    told = {"kubernetes_host": wanted["host"], "kubernetes_ca_cert": wanted["authority"], "disable_local_ca_jwt": True}
    # The server never tells the token again, so its digest is kept beside.
    digest = {"sha256": hashlib.sha256(wanted["reviewer"].encode()).hexdigest()}
    if differs(read(client, "auth/kubernetes/config"), told) or differs(
        read(client, f"platform/data/{_REVIEWER}").get("data"), digest
    ):
        yield "the cluster that workloads log in from", partial(_know_cluster, client, told, wanted["reviewer"], digest)


def _know_cluster(client: Any, told: Mapping[str, Any], reviewer: str, digest: Mapping[str, str]) -> None:
    client.write_data("auth/kubernetes/config", data={**told, "token_reviewer_jwt": reviewer})
    client.write_data(f"platform/data/{_REVIEWER}", data={"data": digest})


def of_workloads(client: Any, wanted: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the accounts of workloads that are missing, or may do something else."""
    for name, account in wanted.items():
        path = f"auth/kubernetes/role/{name}"
        if differs(read(client, path), account):
            yield f"account of workload {name}", partial(client.write_data, path, data=account)


def of_absent(client: Any, paths: Sequence[str]) -> Iterator[Change]:
    """Yield what shall not be there and is."""
    for path in paths:
        if read(client, path):
            yield f"no {path}", partial(client.delete, path)


def read(client: Any, path: str) -> dict[str, Any]:
    """Return what is at a path; empty when there is nothing, or nothing can be there yet."""
    from hvac.exceptions import InvalidPath, InvalidRequest

    try:
        answer = client.read(path)
    except (InvalidPath, InvalidRequest):
        return {}
    return dict(answer["data"]) if answer else {}


def differs(found: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Return whether what is there lacks something of what is wanted, or says it differently."""
    # An empty list is told as nothing, and a network of one address by that.
    there = found or {}
    return any(_plain(there.get(name) or type(value)()) != _plain(value) for name, value in wanted.items())


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(str(entry).removesuffix("/32") for entry in value)
    return value.strip() if isinstance(value, str) else value
