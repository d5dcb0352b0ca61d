"""What a Vault must have for workloads is made once, and made again when it differs."""

from __future__ import annotations

from typing import Any

from ansible_collections.platform.base.plugins.module_utils import vault_parts
from hvac.exceptions import InvalidPath

CLUSTER = {"host": "https://192.0.2.1:6443", "authority": "-----BEGIN\n", "reviewer": "planted-token"}


class FakeSystem:
    """The ways to log in, and policies."""

    def __init__(self) -> None:
        self.logins: dict[str, Any] = {}
        self.policies: dict[str, str] = {}

    def list_auth_methods(self) -> dict[str, Any]:
        return {"data": self.logins}

    def enable_auth_method(self, kind: str) -> None:
        self.logins[f"{kind}/"] = {"accessor": f"auth_{kind}_1"}

    def list_policies(self) -> dict[str, Any]:
        return {"data": {"policies": list(self.policies)}}

    def read_policy(self, name: str) -> dict[str, Any]:
        return {"data": {"rules": self.policies[name]}}

    def create_or_update_policy(self, name: str, text: str) -> None:
        self.policies[name] = text


class FakeClient:
    """A server that keeps what is written, as paths."""

    def __init__(self) -> None:
        self.sys = FakeSystem()
        self.paths: dict[str, dict[str, Any]] = {}

    def read(self, path: str) -> dict[str, Any]:
        if path not in self.paths:
            raise InvalidPath
        return {"data": self.paths[path]}

    def write_data(self, path: str, data: dict[str, Any]) -> None:
        # A server never tells the reviewer's token again.
        self.paths[path] = {name: value for name, value in data.items() if name != "token_reviewer_jwt"}

    def delete(self, path: str) -> None:
        del self.paths[path]


def settled(parts: Any) -> list[str]:
    """Make what is missing, and return what that was."""
    told = []
    for what, make in parts:
        make()
        told.append(what)
    return told


def test_a_cluster_is_told_once_and_again_when_its_reviewer_is_another() -> None:
    client = FakeClient()

    first = settled(vault_parts.of_kubernetes(client, CLUSTER))
    again = settled(vault_parts.of_kubernetes(client, CLUSTER))
    other = settled(vault_parts.of_kubernetes(client, {**CLUSTER, "reviewer": "another"}))

    assert first == ["login kubernetes", "the cluster that workloads log in from"]
    assert again == []
    assert other == ["the cluster that workloads log in from"]
    assert "planted-token" not in str(client.paths)


def test_a_policy_names_the_way_workloads_log_in() -> None:
    client = FakeClient()
    client.sys.enable_auth_method("kubernetes")
    wanted = {"workload": 'path "platform/data/{{identity.entity.aliases.@kubernetes@.name}}/*" {}'}

    assert settled(vault_parts.of_policies(client, wanted)) == ["policy workload"]
    assert settled(vault_parts.of_policies(client, wanted)) == []
    assert "aliases.auth_kubernetes_1.name" in client.sys.policies["workload"]


def test_an_account_that_may_do_something_else_is_put_right() -> None:
    client = FakeClient()
    wanted = {"web": {"bound_service_account_names": ["web"], "token_ttl": 60}}
    settled(vault_parts.of_workloads(client, wanted))
    client.paths["auth/kubernetes/role/web"]["bound_service_account_names"] = ["web", "other"]

    assert settled(vault_parts.of_workloads(client, wanted)) == ["account of workload web"]
    assert settled(vault_parts.of_workloads(client, wanted)) == []


def test_what_shall_not_be_there_goes_once() -> None:
    client = FakeClient()
    client.paths["auth/kubernetes/role/old"] = {"token_ttl": 1}

    assert settled(vault_parts.of_absent(client, ["auth/kubernetes/role/old"])) == ["no auth/kubernetes/role/old"]
    assert settled(vault_parts.of_absent(client, ["auth/kubernetes/role/old"])) == []
