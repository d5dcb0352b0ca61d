"""What the registry of models gives a cluster, with a database of its own and with the site's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.site_rendering import rendered

ROLE = "model_registry"
TEMPLATES = ("namespaces", "flows", "settings", "workloads")
PASSWORDS = {
    f"model_registry/{name}": f"password-of-{name}" for name in ("platform", "database", "readers/data-science")
}
KEPT = {"passwords": PASSWORDS, "digest": "one"}
OWN: dict[str, Any] = {"model_registry_database": {}, "model_registry_readers": ["data-science"]}
SITES = {
    "model_registry_database": {"host": "postgres.example.com", "user": "registry"},
    "model_registry_reaches": [{"network": "192.0.2.140/32", "port": 5432}],
    "model_registry_readers": [],
}


def given(folder: Path, variables: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the role's objects, by kind and name."""
    wanted = {name: f"{{{{ lookup('ansible.builtin.template', '{name}.yml.j2') }}}}" for name in TEMPLATES}
    registered = {f"__{ROLE}_kept": KEPT, f"__{ROLE}_given": KEPT, f"__{ROLE}_read": {"content": "Y2EuY3J0"}}
    texts = rendered(ROLE, wanted, folder, **registered, **variables).values()
    objects = [item for text in texts for item in yaml.safe_load_all(text) if item]
    return {(item["kind"], item["metadata"]["name"]): item for item in objects}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    return given(tmp_path_factory.mktemp("own"), OWN)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    return given(tmp_path_factory.mktemp("sites"), SITES)


def test_its_own_database_is_asked_with_tls_by_its_name(own: dict[tuple[str, str], dict[str, Any]]) -> None:
    settings = json.loads(own["ConfigMap", "registry"]["data"]["settings.json"])

    assert settings["database"] == {
        "host": "database.model-registry.svc", "port": 5432, "name": "models", "user": "models", "tls": "verify-full",
        "authority": "/etc/model-registry/authority/ca.crt",
    }  # fmt: skip
    assert own["Certificate", "database-tls"]["spec"]["dnsNames"] == ["database.model-registry.svc"]
    assert settings["backup_file"] == "/etc/model-registry/backup/taken"


def test_accounts_are_hashes_and_the_platform_alone_writes(own: dict[tuple[str, str], dict[str, Any]]) -> None:
    text = own["Secret", "accounts"]["stringData"]["accounts.json"]

    assert {name: account["writes"] for name, account in json.loads(text).items()} == {
        "platform": True, "data-science": False,
    }  # fmt: skip
    assert "password-of" not in text


def test_no_password_stands_in_a_workload_or_a_config_map(own: dict[tuple[str, str], dict[str, Any]]) -> None:
    told = [item for (kind, _), item in own.items() if kind != "Secret"]

    assert "password-of" not in json.dumps(told)


def test_tls_ends_in_its_own_pod(own: dict[tuple[str, str], dict[str, Any]]) -> None:
    route = own["IngressRouteTCP", "model-registry"]["spec"]

    assert route["tls"] == {"passthrough": True}
    assert (
        route["routes"][0]["match"].removeprefix("HostSNI(`").removesuffix("`)")
        in (own["Certificate", "registry-tls"]["spec"]["dnsNames"])
    )


def test_the_registry_alone_reaches_the_database(own: dict[tuple[str, str], dict[str, Any]]) -> None:
    (rule,) = own["CiliumNetworkPolicy", "database"]["spec"]["ingress"]

    assert rule["fromEndpoints"] == [{"matchLabels": {"app.kubernetes.io/name": "model-registry"}}]
    assert rule["toPorts"] == [{"ports": [{"port": "5432", "protocol": "TCP"}]}]


def test_a_sites_database_brings_none_of_ours(sites: dict[tuple[str, str], dict[str, Any]]) -> None:
    settings = json.loads(sites["ConfigMap", "registry"]["data"]["settings.json"])

    assert not [name for _, name in sites if name in ("database-tls",)]
    assert [kind for kind, name in sites if name == "database"] == ["Secret"]
    assert (settings["database"]["host"], settings["database"]["user"]) == ("postgres.example.com", "registry")
    assert "backup_file" not in settings


def test_a_sites_database_is_reached_where_the_inventory_says(sites: dict[tuple[str, str], dict[str, Any]]) -> None:
    egress = sites["CiliumNetworkPolicy", "registry"]["spec"]["egress"]

    assert [rule["toCIDR"] for rule in egress if "toCIDR" in rule] == [["192.0.2.140/32"]]
    assert not any("database" in json.dumps(rule) for rule in egress)
