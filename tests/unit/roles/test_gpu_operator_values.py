"""Every value this role gives the chart is one that it has, and makes a policy that the operator's kind takes."""

from __future__ import annotations

import re
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
from tests.unit.roles.gpu_operator_values import CHOICES, WANTED

# Keys that the chart's own file of values shows in a comment alone, each as it stands there.
_COMMENTED = {
    "operator.metrics": "# metrics:",
    "operator.version": '#version: ""',
    "validator.version": '#version: ""',
    "nodeStatusExporter.version": '#version: ""',
    "dcgmExporter.config": "# config:",
}
_FEATURES = "node-feature-discovery"
# The chart's templates read these and write something else into the policy.
_VALUES_ALONE = {("config", "create"), ("config", "data"), ("operator", "cleanupCRD"), ("operator", "upgradeCRD")}
_RENAMED = {"gpuPodDeletion": "podDeletion"}


@pytest.fixture(scope="module", params=list(CHOICES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return rendered("gpu_operator", WANTED, tmp_path_factory.mktemp("rendered"), **CHOICES[request.param])


def unknown(given: Mapping[str, Any], known: Any, way: str = "") -> Iterator[str]:
    """Yield the ways of keys that a chart's values do not have; below an empty mapping anything goes."""
    for key, value in given.items():
        here = f"{way}{key}"
        if not isinstance(known, Mapping) or not known:
            continue
        if key not in known:
            yield here
        elif isinstance(value, Mapping):
            yield from unknown(value, known[key], f"{here}.")


def test_every_value_is_one_that_the_chart_has(made: dict[str, Any]) -> None:
    path = reference("charts", "values", "gpu-operator.values.yaml")
    own = {key: value for key, value in made["values"].items() if key != _FEATURES}

    strays = set(unknown(own, yaml.safe_load(path.read_text())))

    assert strays <= set(_COMMENTED)
    assert all(_COMMENTED[way] in path.read_text() for way in strays)


def test_every_value_of_the_finder_of_features_is_one_that_its_chart_has(made: dict[str, Any]) -> None:
    known = read_reference("charts", "values", f"{_FEATURES}.values.yaml")

    assert list(unknown(made["values"][_FEATURES], known)) == []


def test_the_finder_of_features_takes_its_values_by_its_schema(made: dict[str, Any]) -> None:
    schema = read_reference("charts", "values", f"{_FEATURES}.values.schema.json")

    errors = jsonschema.Draft7Validator(schema).iter_errors(made["values"][_FEATURES])

    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def strict(schema: Any) -> Any:
    """Return a schema in which a mapping has no keys but those described."""
    if isinstance(schema, Mapping):
        closed = {"additionalProperties": False} if "properties" in schema else {}
        return {key: strict(value) for key, value in schema.items()} | closed
    return [strict(entry) for entry in schema] if isinstance(schema, list) else schema


def as_policy(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section of values as the chart writes it into the policy."""
    return {
        _RENAMED.get(key, key): as_policy(key, value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if (section, key) not in _VALUES_ALONE and not (section in ("operator",) and key != "metrics")
    }


def test_the_policy_made_of_them_is_what_the_operators_kind_describes(made: dict[str, Any]) -> None:
    kind = read_reference("charts", "crds", "gpu-operator", "clusterpolicies.nvidia.com.yaml")
    schema = strict(kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"])

    policy = {name: as_policy(name, part) for name, part in made["values"].items() if name in schema["properties"]}

    assert {"driver", "toolkit", "devicePlugin", "dcgmExporter", "migManager", "validator"} <= set(policy)
    errors = [f"{error.json_path}: {error.message}" for error in jsonschema.Draft7Validator(schema).iter_errors(policy)]
    assert errors == []


def images(values: Any) -> Iterator[tuple[str, str]]:
    """Yield name and version of each image that values name."""
    if isinstance(values, Mapping):
        if "repository" in values and "image" in values:
            yield f"{values['repository']}/{values['image']}", values["version"]
        elif "repository" in values and "tag" in values:
            yield values["repository"], values["tag"]
        for value in values.values():
            yield from images(value)


def test_every_image_is_the_bundles_by_tag_and_digest(made: dict[str, Any]) -> None:
    brought = load_catalog(PROJECT / "roles")["gpu_operator"].description.artifacts.images
    known = {image.name: f"{image.version}@{digest(image.name)}" for image in brought}

    found = dict(images(made["values"]))

    # Its tag gets the host's release from the operator, behind which no digest can stand.
    assert known["nvcr.io/nvidia/driver"].startswith(found.pop("nvcr.io/nvidia/driver") + "-ubuntu")
    assert found == {name: known[name] for name in known if name != "nvcr.io/nvidia/driver"}


def test_drivers_are_changed_one_after_another_and_never_by_the_operator_itself(made: dict[str, Any]) -> None:
    policy = made["values"]["driver"]["upgradePolicy"]

    assert (policy["autoUpgrade"], policy["maxParallelUpgrades"], policy["maxUnavailable"]) == (False, 1, 1)
    assert policy["drain"]["enable"] and not policy["drain"]["force"] and not policy["gpuPodDeletion"]["force"]


def test_what_is_measured_is_written_as_the_exporter_reads_it(made: dict[str, Any]) -> None:
    lines = made["values"]["dcgmExporter"]["config"]["data"].splitlines()

    assert all(re.fullmatch(r"DCGM_FI_\w+, (gauge|counter|label), [^,]+\.", line) for line in lines), lines
    assert len({line.partition(",")[0] for line in lines}) == len(lines) >= 20


def test_the_namespace_lets_nothing_in_or_out_by_default(made: dict[str, Any]) -> None:
    policies = {item["metadata"]["name"]: item["spec"] for item in made["objects"] if "Policy" in item["kind"]}

    assert policies["default-deny"] == {"endpointSelector": {}, "ingress": [{}], "egress": [{}]}
    assert policies["cluster"]["egress"] == [{"toEntities": ["kube-apiserver"]}]


def test_policies_of_the_network_are_what_their_kind_describes(made: dict[str, Any]) -> None:
    schema = read_reference("charts", "crds", "cilium_json_schemas_1.18.2", "ciliumnetworkpolicy_v2.json")
    policies = [item for item in made["objects"] if item["kind"] == "CiliumNetworkPolicy"]

    errors = [error for item in policies for error in jsonschema.Draft7Validator(schema).iter_errors(item)]

    assert len(policies) >= 3
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_a_drivers_container_has_no_source_of_packages_but_the_platforms(tmp_path: Path) -> None:
    made = rendered("gpu_operator", WANTED, tmp_path, **CHOICES["everything chosen"])

    maps = {item["metadata"]["name"]: item["data"] for item in made["objects"] if item["kind"] == "ConfigMap"}
    driver = made["values"]["driver"]
    source = maps[driver["repoConfig"]["configMapName"]]["ubuntu.sources"]
    assert "URIs: https://seed.platform.example.com:5001/" in source
    assert "Signed-By:\n key\n .\n of lines\n" in source
    assert "platform-ca.crt" in maps[driver["certConfig"]["name"]]


def test_the_toolkit_leaves_the_platforms_own_settings_of_containerd_alone(tmp_path: Path) -> None:
    made = rendered("gpu_operator", WANTED, tmp_path, **CHOICES["nothing chosen"])

    environment = {entry["name"]: entry["value"] for entry in made["values"]["toolkit"]["env"]}
    assert environment["RUNTIME_DROP_IN_CONFIG"].startswith("/etc/containerd/conf.d/")
    assert environment["CONTAINERD_CONFIG"] != "/etc/containerd/config.toml"
    assert environment["RUNTIME_CONFIG_SOURCE"] == "file=/etc/containerd/config.toml"
