"""Every value this role gives Harbor's chart is one that it has, and no value is a secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from installer.adapters.catalog_files import load_catalog
from tests.reference import read_reference, reference
from tests.repository import PROJECT
from tests.site_rendering import digest, rendered
from tests.unit.roles.harbor_values import CHOICES, WANTED
from tests.unit.roles.test_gpu_operator_values import unknown

# Keys that the chart's templates read and its file of values shows in a comment alone, or not at all.
_UNSHOWN = {
    "caBundleSecretName",
    "persistence.imageChartStorage.caBundleSecretName",
    "persistence.imageChartStorage.s3.existingSecret",
    "persistence.imageChartStorage.s3.regionendpoint",
    "persistence.imageChartStorage.s3.secure",
    "persistence.imageChartStorage.s3.v4auth",
    *(f"{part}.resources" for part in ("nginx", "portal", "core", "jobservice", "exporter")),
    "registry.registry.resources",
    "registry.controller.resources",
    "database.internal.resources",
    "database.internal.initContainer.permissions.resources",
    "redis.internal.resources",
}
_NEVER_SET = {"harborAdminPassword", "secretKey", "database.external.password", "redis.external.password"}


@pytest.fixture(scope="module", params=list(CHOICES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return rendered("harbor", WANTED, tmp_path_factory.mktemp("rendered"), **CHOICES[request.param])


def test_every_value_is_one_that_the_chart_has(made: dict[str, Any]) -> None:
    known = yaml.safe_load(reference("charts", "values", "harbor.values.yaml").read_text())

    assert set(unknown(made["values"], known)) <= _UNSHOWN


def test_every_unshown_value_is_one_that_the_catalogue_of_charts_knows(made: dict[str, Any]) -> None:
    text = reference("charts", "values", "harbor.values.yaml").read_text()
    keys = next(
        item for item in read_reference("charts", "catalog-platform.yaml")["components"] if item["name"] == "harbor"
    )
    told = {entry.split()[0] for entries in keys["values_keys"].values() for entry in entries if isinstance(entry, str)}

    stray = [way for way in _UNSHOWN if way not in told and f"{way.rpartition('.')[2]}:" not in text]

    assert stray == []


def leaves(value: Any, way: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every plain value with its way."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from leaves(entry, f"{way}.{key}" if way else key)
    else:
        yield way, value


def test_no_value_is_a_secret(made: dict[str, Any]) -> None:
    assert "planted" not in json.dumps(made["values"])
    assert _NEVER_SET.isdisjoint(way for way, _ in leaves(made["values"]))


def plain(data: dict[str, str]) -> dict[str, str]:
    """Return what a secret's object holds."""
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def test_every_planted_secret_that_is_needed_is_in_a_secret_object(made: dict[str, Any]) -> None:
    objects = {item["metadata"]["name"]: plain(item["data"]) for item in made["secrets"]}

    assert objects["harbor-secrets"]["secretKey"] == "planted-secret_key"
    assert objects["harbor-store"]["REGISTRY_STORAGE_S3_SECRETKEY"] == "planted-word"
    external = made["values"]["database"]["type"] == "external"
    wanted = "planted-given-database" if external else "planted-database_password"
    assert objects["harbor-database-login"]["password"] == wanted
    assert {item["kind"] for item in made["secrets"]} == {"Secret"}
    assert "planted" not in json.dumps(made["objects"])


def test_every_image_is_the_bundles_by_tag_and_digest(made: dict[str, Any]) -> None:
    brought = load_catalog(PROJECT / "roles")["harbor"].description.artifacts.images
    pulled = {image.name: f"{image.version}@{digest(image.name)}" for image in brought if image.hosts != "none"}

    found = dict(images(made["values"]))

    assert found == pulled


def images(values: Any) -> Iterator[tuple[str, str]]:
    """Yield name and tag of each image that values name."""
    if isinstance(values, Mapping):
        if {"repository", "tag"} <= set(values):
            yield values["repository"], values["tag"]
        for value in values.values():
            yield from images(value)


def test_versions_are_those_of_the_catalogue_of_charts() -> None:
    said = next(
        item for item in read_reference("charts", "catalog-platform.yaml")["components"] if item["name"] == "harbor"
    )
    artifacts = load_catalog(PROJECT / "roles")["harbor"].description.artifacts

    ours = {f"{image.name}:{image.version}" for image in artifacts.images}
    assert [chart.version for chart in artifacts.charts] == [said["chart"]["version"]]
    assert set(said["images"]["mirror_union"]) <= ours
    assert {entry["ref"] for entry in said["images"]["oci_artifacts_not_images"]} <= ours


def test_policies_of_the_network_are_what_their_kind_describes(made: dict[str, Any]) -> None:
    schema = read_reference("charts", "crds", "cilium_json_schemas_1.18.2", "ciliumnetworkpolicy_v2.json")
    policies = [item for item in made["objects"] if item["kind"] == "CiliumNetworkPolicy"]

    errors = [error for item in policies for error in jsonschema.Draft7Validator(schema).iter_errors(item)]

    assert len(policies) >= 18
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_certificates_are_what_their_kind_describes(made: dict[str, Any]) -> None:
    kind = read_reference("charts", "crds", "cert-manager", "certificates.cert-manager.io.yaml")
    schema = kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    certificates = [item for item in made["objects"] if item["kind"] == "Certificate"]

    errors = [error for item in certificates for error in jsonschema.Draft7Validator(schema).iter_errors(item)]

    assert len(certificates) == 7
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_the_scanner_asks_nobody_outside(made: dict[str, Any]) -> None:
    scanner = made["values"]["trivy"]

    assert scanner["offlineScan"] is True
    assert all(name.startswith("harbor-core:443/") for name in scanner["dbRepository"] + scanner["javaDBRepository"])


def test_what_serves_one_host_alone_has_no_copies_that_would_wait_for_it(tmp_path: Path) -> None:
    made = rendered("harbor", WANTED, tmp_path, **CHOICES["everything chosen"])

    values = made["values"]
    assert values["jobservice"]["jobLoggers"] == ["database"]
    assert values["persistence"]["imageChartStorage"]["type"] == "s3"
    assert {values[part]["replicas"] for part in ("core", "jobservice", "registry", "portal", "nginx", "trivy")} == {3}


def test_authorities_of_others_are_trusted_beside_the_platforms(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.crt"
    theirs.write_text("-----BEGIN THEIRS-----\n")
    ours = base64.b64encode(b"-----BEGIN OURS-----\n").decode()
    choices = {**CHOICES["nothing chosen"], "__harbor_read": {"content": ours}, "harbor_authorities_file": str(theirs)}
    (folder := tmp_path / "rendered").mkdir()

    made = rendered("harbor", WANTED, folder, **choices)

    trusted = next(item for item in made["secrets"] if item["metadata"]["name"] == "harbor-authorities")
    assert plain(trusted["data"])["ca.crt"].split("\n")[:2] == ["-----BEGIN OURS-----", "-----BEGIN THEIRS-----"]


def test_every_service_of_the_site_is_looked_for_before_the_installation(tmp_path: Path) -> None:
    made = rendered("harbor", WANTED, tmp_path, **CHOICES["everything chosen"])

    assert made["services"] == [
        "postgres.example.com:6432", "s1.example.com:26379", "s2.example.com:26379", "login.example.com:443",
        "second.example.com:443",
    ]  # fmt: skip


def test_passwords_of_others_are_those_that_the_vault_keeps(made: dict[str, Any]) -> None:
    given = ["planted-given-oidc", "planted-given-second_site"] if "oidc" in made["wanted_secrets"] else ["", ""]

    assert made["passwords"][0] == given[0]
    assert made["passwords"][1] in ("", "planted-given-second_site")


def test_hosts_ask_it_first_where_a_site_says_so(tmp_path: Path) -> None:
    wanted = {"mirrors": "{{ __container_runtime_mirrors }}"}

    texts = {}
    for said in (False, True):
        (folder := tmp_path / str(said)).mkdir()
        mirrors = rendered("container_runtime", wanted, folder, platform_registry_first=said)["mirrors"]
        texts[said] = next(entry["content"] for entry in mirrors if "quay.io" in entry["path"])

    host = '[host."https://registry.platform.example.com/v2/quay.io"]'
    assert host in texts[True] and host not in texts[False]
    assert texts[True].index("server = ") < texts[True].index(host)
    assert all('server = "https://seed.platform.example.com:5000/v2/quay.io"' in text for text in texts.values())


def test_hosts_know_its_name_where_it_has_an_address(tmp_path: Path) -> None:
    wanted = {"hosts": "{{ lookup('ansible.builtin.template', 'hosts.j2') }}"}

    texts = {}
    for address in ("", "192.0.2.65"):
        (folder := tmp_path / f"at-{address}").mkdir()
        texts[address] = rendered("host_baseline", wanted, folder, platform_registry_address=address)["hosts"]

    assert "192.0.2.65 registry.platform.example.com" in texts["192.0.2.65"].splitlines()
    assert "registry." not in texts[""]
