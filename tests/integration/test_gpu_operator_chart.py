"""The operator's real chart, rendered with this role's values, with nothing chosen and with everything.

The chart cannot be had everywhere: PLATFORM_CHARTS names a folder that has it, unpacked, as `gpu-operator`, stamped
with its version. Helm is taken from the store of bundles.
"""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from installer.adapters.catalog_files import load_catalog
from tests.charts import chart_of, containers, pods, templated
from tests.rendering import images_in
from tests.repository import PROJECT
from tests.site_rendering import rendered
from tests.unit.roles.gpu_operator_values import CHOICES, WANTED

_NAMESPACE = "gpu-operator"


@pytest.fixture(scope="module", params=list(CHOICES))
def objects(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return what the chart makes of the role's values."""
    chart, folder = chart_of("gpu-operator"), tmp_path_factory.mktemp("chart")
    values = rendered("gpu_operator", WANTED, folder, **CHOICES[request.param])["values"]
    return templated("gpu-operator", chart, _NAMESPACE, values, folder, "--include-crds")


def policy(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the operator's policy."""
    return next(item for item in objects if item["kind"] == "ClusterPolicy")


def test_every_image_is_the_components(objects: list[dict[str, Any]]) -> None:
    brought = load_catalog(PROJECT / "roles")["gpu_operator"].description.artifacts.images
    known = {f"{image.name}:{image.version}" for image in brought}

    found = {image for item in objects if item["kind"] != "CustomResourceDefinition" for image in images_in(str(item))}

    assert found and found <= known


def test_every_operand_of_the_policy_is_the_components(objects: list[dict[str, Any]]) -> None:
    brought = load_catalog(PROJECT / "roles")["gpu_operator"].description.artifacts.images
    known = {image.name: image.version for image in brought}
    spec, wrong = policy(objects)["spec"], []

    assert spec["sandboxWorkloads"]["enabled"] is False
    for name, part in spec.items():
        # What stays off names images that no site has; virtual machines' parts are off together.
        is_on = isinstance(part, dict) and part.get("enabled", not name.startswith("sandbox"))
        if is_on and "version" in part:
            image, version = f"{part.get('repository')}/{part.get('image')}", part["version"].partition("@")[0]
            if not known.get(image, "").startswith(version):
                wrong.append(f"{name}: {image}:{version}")

    assert wrong == []


def test_everything_is_in_the_components_namespace(objects: list[dict[str, Any]]) -> None:
    # Helm gives a release's namespace to whatever names none.
    assert {item["metadata"].get("namespace", _NAMESPACE) for item in objects} == {_NAMESPACE}


def sees_the_host(pod: dict[str, Any]) -> bool:
    """Return whether a pod has more of its host than a network of its own."""
    volumes = any("hostPath" in volume for volume in pod.get("volumes", []))
    privileged = any(entry.get("securityContext", {}).get("privileged") for entry in containers(pod))
    return bool(volumes or privileged or pod.get("hostNetwork") or pod.get("hostPID"))


def test_nothing_but_hosts_own_files_needs_privileges(objects: list[dict[str, Any]]) -> None:
    asking = {name for name, pod in pods(objects) if sees_the_host(pod)}

    assert asking <= {"DaemonSet gpu-operator-node-feature-discovery-worker"}


def test_no_pull_secret_is_asked_for_that_nobody_makes(objects: list[dict[str, Any]]) -> None:
    assert {name for name, pod in pods(objects) if pod.get("imagePullSecrets")} == set()


def test_the_policy_is_what_its_kind_describes(objects: list[dict[str, Any]]) -> None:
    kind = next(i for i in objects if i["metadata"]["name"] == "clusterpolicies.nvidia.com")
    schema = strict(kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"])

    errors = jsonschema.Draft7Validator(schema).iter_errors(policy(objects)["spec"])

    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def strict(schema: Any) -> Any:
    """Return a schema in which a mapping has no keys but those described."""
    if isinstance(schema, dict):
        closed = {"additionalProperties": False} if "properties" in schema else {}
        return {key: strict(value) for key, value in schema.items()} | closed
    return [strict(entry) for entry in schema] if isinstance(schema, list) else schema


def test_the_maps_that_the_policy_names_are_there(objects: list[dict[str, Any]]) -> None:
    there = {item["metadata"]["name"]: item["data"] for item in objects if item["kind"] == "ConfigMap"}
    spec = policy(objects)["spec"]

    assert spec["devicePlugin"]["config"]["default"] in there[spec["devicePlugin"]["config"]["name"]]
    assert "config.yaml" in there[spec["migManager"]["config"]["name"]]
    assert "DCGM_FI_DEV_GPU_TEMP" in there[spec["dcgmExporter"]["config"]["name"]]["dcgm-metrics.csv"]
