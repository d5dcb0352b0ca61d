"""Harbor's real chart, rendered with this role's values, with nothing chosen and with everything.

The chart cannot be had everywhere: PLATFORM_CHARTS names a folder that has it, unpacked, as `harbor`, stamped with its
version. Helm and gator are taken from the store of bundles.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from installer.adapters.catalog_files import load_catalog
from tests.charts import chart_of, containers, pods, stored_program, templated
from tests.integration.test_workloads_keep_policies import policies_in_force, violations
from tests.rendering import images_in
from tests.repository import PROJECT
from tests.site_rendering import rendered
from tests.unit.roles.harbor_values import CHOICES, WANTED

_KINDS = ("--api-versions", "monitoring.coreos.com/v1", "--api-versions", "policy/v1/PodDisruptionBudget")
# What the chart brings for sites that keep no secrets of their own, and two passwords it never asks about.
_DEFAULTS = ("Harbor12345", "not-a-secure-key", "changeit", "harbor_registry_password")


@pytest.fixture(scope="module", params=list(CHOICES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the chart makes of the role's values, and what the role makes beside it."""
    chart, folder = chart_of("harbor"), tmp_path_factory.mktemp("chart")
    made = rendered("harbor", WANTED, folder, **CHOICES[request.param])
    return {**made, "chart": templated("harbor", chart, "harbor", made["values"], folder, *_KINDS)}


def known_images() -> set[str]:
    """Return the images that the component brings."""
    images = load_catalog(PROJECT / "roles")["harbor"].description.artifacts.images
    return {f"{image.name}:{image.version}" for image in images}


def test_every_image_is_the_components(made: dict[str, Any]) -> None:
    found = {image for item in made["chart"] for image in images_in(str(item))}

    assert len(found) >= 8
    assert found <= known_images()


def test_every_container_is_named_by_digest(made: dict[str, Any]) -> None:
    images = [entry["image"] for _, pod in pods(made["chart"]) for entry in containers(pod)]

    assert len(images) >= 8
    assert all(re.fullmatch(r"docker\.io/goharbor/[\w-]+:v[\d.]+@sha256:[0-9a-f]{64}", image) for image in images)


def test_everything_is_in_the_components_namespace(made: dict[str, Any]) -> None:
    assert {item["metadata"].get("namespace", "harbor") for item in made["chart"]} == {"harbor"}


def test_no_pull_secret_is_asked_for_that_nobody_makes(made: dict[str, Any]) -> None:
    assert [name for name, pod in pods(made["chart"]) if pod.get("imagePullSecrets")] == []


def test_no_secret_is_the_charts_own(made: dict[str, Any]) -> None:
    text = json.dumps(made["chart"])

    assert [word for word in _DEFAULTS if word in text] == []


def named_secrets(pod: dict[str, Any]) -> set[str]:
    """Return the secrets that a pod cannot start without."""
    volumes = {volume["secret"]["secretName"] for volume in pod.get("volumes", []) if "secret" in volume}
    sources = {
        source["secretRef"]["name"]
        for entry in containers(pod)
        for source in entry.get("envFrom", [])
        if "secretRef" in source
    }
    fields = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for entry in containers(pod)
        for variable in entry.get("env", [])
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    return volumes | sources | fields


def test_every_secret_that_pods_name_is_made_by_somebody(made: dict[str, Any]) -> None:
    theirs = {item["metadata"]["name"] for item in made["chart"] if item["kind"] == "Secret"}
    ours = {item["metadata"]["name"] for item in made["secrets"]}
    issued = {item["spec"]["secretName"] for item in made["objects"] if item["kind"] == "Certificate"}

    wanted = {name for _, pod in pods(made["chart"]) for name in named_secrets(pod)}

    assert {"harbor-secrets", "harbor-store", "harbor-core-tls"} <= wanted
    assert wanted <= theirs | ours | issued


def test_every_key_that_pods_ask_of_our_secrets_is_in_them(made: dict[str, Any]) -> None:
    kept = {item["metadata"]["name"]: set(item["data"]) for item in made["secrets"]}

    missing = [
        reference
        for _, pod in pods(made["chart"])
        for entry in containers(pod)
        for variable in entry.get("env", [])
        if (reference := variable.get("valueFrom", {}).get("secretKeyRef"))
        if reference["name"] in kept and reference["key"] not in kept[reference["name"]]
    ]

    assert missing == []


def test_a_release_adopts_the_secret_that_is_there_before_it(made: dict[str, Any]) -> None:
    theirs = {item["metadata"]["name"] for item in made["chart"] if item["kind"] == "Secret"}

    met = [item["metadata"] for item in made["secrets"] if item["metadata"]["name"] in theirs]

    # Helm takes what says of itself that it is the release's, and refuses everything else.
    assert {entry["labels"]["app.kubernetes.io/managed-by"] for entry in met} <= {"Helm"}
    assert {entry["annotations"]["meta.helm.sh/release-name"] for entry in met} <= {"harbor"}
    assert [entry["name"] for entry in met] == (["harbor-database"] if "database" in kinds_of(made) else [])


def kinds_of(made: dict[str, Any]) -> set[str]:
    """Return the parts of the chart's workloads."""
    return {name.rpartition("-")[2] for name, _ in pods(made["chart"])}


def test_parts_of_one_host_are_named_by_the_networks_policies(made: dict[str, Any]) -> None:
    parts = {
        item["spec"]["template"]["metadata"]["labels"]["component"]
        for item in made["chart"]
        if item["kind"] in ("Deployment", "StatefulSet")
    }
    policies = [item["spec"] for item in made["objects"] if item["kind"] == "CiliumNetworkPolicy"]
    reached = {
        spec["endpointSelector"]["matchLabels"]["component"]
        for spec in policies
        if "matchLabels" in spec["endpointSelector"]
    }

    assert parts - {"exporter"} <= reached


def test_ports_that_the_networks_policies_open_are_those_that_are_listened_on(made: dict[str, Any]) -> None:
    listened = {
        item["spec"]["template"]["metadata"]["labels"]["component"]: {
            str(port["containerPort"])
            for entry in containers(item["spec"]["template"]["spec"])
            for port in entry.get("ports", [])
        }
        for item in made["chart"]
        if item["kind"] in ("Deployment", "StatefulSet")
    }
    opened = {
        item["spec"]["endpointSelector"]["matchLabels"]["component"]: {
            port["port"] for rule in item["spec"]["ingress"] for ports in rule["toPorts"] for port in ports["ports"]
        }
        for item in made["objects"]
        if item["kind"] == "CiliumNetworkPolicy" and item["metadata"]["name"].startswith("to-")
    }

    # Neither of the two says on which port it listens, and registryctl's is its own.
    assert opened["core"] <= listened["core"]
    assert opened["jobservice"] <= listened["jobservice"]
    assert opened["trivy"] <= listened["trivy"]
    assert "5443" in opened["registry"] & listened["registry"]


def test_it_keeps_the_platforms_policies(made: dict[str, Any], tmp_path: Path) -> None:
    gator = stored_program("gator")
    policies = tmp_path / "policies.yaml"
    policies.write_text(policies_in_force())
    # Helm gives a release's namespace to whatever names none.
    placed = [{**item, "metadata": {"namespace": "harbor", **item["metadata"]}} for item in made["chart"]]

    assert violations(gator, policies, [*made["objects"], *placed], tmp_path) == []
