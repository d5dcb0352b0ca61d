"""Falco's real chart, rendered with this role's values, with nothing chosen and with everything.

The chart cannot be had everywhere: PLATFORM_CHARTS names a folder that has it, unpacked, as `falco`, with the charts it
is made of below it. Helm and gator are taken from the store of bundles.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer.adapters.catalog_files import load_catalog
from roles.falco.library import falco_probe
from tests.charts import chart_of, containers, pods, stored_program, templated
from tests.integration.test_workloads_keep_policies import policies_in_force, violations
from tests.rendering import images_in
from tests.repository import PROJECT
from tests.site_rendering import digest, rendered
from tests.unit.roles.falco_values import CHOICES, WANTED

_NAMESPACE = "falco"
# The pod of its tests is nobody's: Helm starts it for who asks it to test a release, which the platform does not.
_ARGUMENTS = ("--skip-tests", "--api-versions", "monitoring.coreos.com/v1")


@pytest.fixture(scope="module", params=list(CHOICES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the chart makes of the role's values, and what the role makes beside it."""
    chart, folder = chart_of("falco"), tmp_path_factory.mktemp("chart")
    made = rendered("falco", WANTED, folder, **CHOICES[request.param])
    return {**made, "chart": templated("falco", chart, _NAMESPACE, made["values"], folder, *_ARGUMENTS)}


def settings(made: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that Falco reads."""
    maps = {item["metadata"]["name"]: item["data"] for item in made["chart"] if item["kind"] == "ConfigMap"}
    found: dict[str, Any] = yaml.safe_load(maps["falco"]["falco.yaml"])
    return found


def test_its_images_are_the_components_and_all_of_them(made: dict[str, Any]) -> None:
    brought = load_catalog(PROJECT / "roles")["falco"].description.artifacts.images

    found = {image for item in made["chart"] for image in images_in(str(item))}

    assert found == {f"{image.name}:{image.version}" for image in brought}


def test_every_container_is_named_by_digest(made: dict[str, Any]) -> None:
    images = [entry["image"] for _, pod in pods(made["chart"]) for entry in containers({**pod, "initContainers": []})]

    assert len(images) == 2
    assert all(re.fullmatch(r"docker\.io/falcosecurity/\w+:[\d.]+@sha256:[0-9a-f]{64}", image) for image in images)


def test_nothing_runs_before_or_beside_falco(made: dict[str, Any]) -> None:
    watch = dict(pods(made["chart"]))["DaemonSet falco"]

    assert [entry["name"] for entry in watch["containers"]] == ["falco"]
    assert not watch.get("initContainers")


def test_everything_is_in_the_components_namespace(made: dict[str, Any]) -> None:
    assert {item["metadata"].get("namespace", _NAMESPACE) for item in made["chart"]} == {_NAMESPACE}


def test_no_pull_secret_is_asked_for_that_nobody_makes(made: dict[str, Any]) -> None:
    assert [name for name, pod in pods(made["chart"]) if pod.get("imagePullSecrets")] == []


def test_every_map_and_secret_that_pods_mount_is_made_by_somebody(made: dict[str, Any]) -> None:
    theirs = {(item["kind"], item["metadata"]["name"]) for item in [*made["chart"], *made["objects"]]}
    issued = {("Secret", item["spec"]["secretName"]) for item in made["objects"] if item["kind"] == "Certificate"}

    volumes = [volume for _, pod in pods(made["chart"]) for volume in pod["volumes"]]
    wanted = {("ConfigMap", volume["configMap"]["name"]) for volume in volumes if "configMap" in volume}
    wanted |= {("Secret", volume["secret"]["secretName"]) for volume in volumes if "secret" in volume}

    assert ("ConfigMap", "falco-falcoctl") in wanted
    assert wanted <= theirs | issued


def test_falco_has_no_more_rights_than_it_needs(made: dict[str, Any]) -> None:
    watch = dict(pods(made["chart"]))["DaemonSet falco"]
    rights = watch["containers"][0]["securityContext"]

    assert rights["capabilities"] == {"drop": ["ALL"], "add": ["BPF", "PERFMON", "SYS_PTRACE", "SYS_RESOURCE"]}
    assert not rights.get("privileged") and rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"]
    assert not watch.get("hostNetwork") and not watch.get("hostPID")


def test_its_settings_are_the_kernels_driver_our_rules_and_one_way_out(made: dict[str, Any]) -> None:
    found = settings(made)

    assert found["engine"]["kind"] == "modern_ebpf"
    assert found["load_plugins"] == ["container"] and [entry["name"] for entry in found["plugins"]] == ["container"]
    assert found["http_output"]["enabled"] and found["http_output"]["url"] == "https://falcosidekick.falco.svc:2801"
    assert found["json_output"] is True and found["rule_matching"] == "all"


def test_policies_of_the_network_are_about_pods_that_there_are(made: dict[str, Any]) -> None:
    labels = [
        item["spec"]["template"]["metadata"]["labels"]
        for item in made["chart"]
        if item["kind"] in ("DaemonSet", "Deployment")
    ]
    chosen = [
        item["spec"]["endpointSelector"].get("matchLabels", {})
        for item in made["objects"]
        if item["kind"] == "CiliumNetworkPolicy"
    ]

    assert all(any(selector.items() <= entry.items() for entry in labels) for selector in chosen)


def test_a_certificate_is_for_the_service_that_shows_it(made: dict[str, Any]) -> None:
    services = {f"{item['metadata']['name']}.falco.svc" for item in made["chart"] if item["kind"] == "Service"}

    named = {name for item in made["objects"] if item["kind"] == "Certificate" for name in item["spec"]["dnsNames"]}

    assert named == services


def test_what_verification_starts_keeps_the_platforms_policies(tmp_path: Path) -> None:
    image = "docker.io/falcosecurity/falco:0.44.1@" + digest("docker.io/falcosecurity/falco")
    pod = falco_probe.actor("worker1", image)
    policies = tmp_path / "policies.yaml"
    policies.write_text(policies_in_force())
    placed = [{**pod, "metadata": {**pod["metadata"], "namespace": "platform-verify-falco"}}]

    assert violations(stored_program("gator"), policies, placed, tmp_path) == []


def test_it_keeps_the_platforms_policies(made: dict[str, Any], tmp_path: Path) -> None:
    policies = tmp_path / "policies.yaml"
    policies.write_text(policies_in_force())
    placed = [{**item, "metadata": {"namespace": _NAMESPACE, **item["metadata"]}} for item in made["chart"]]

    assert violations(stored_program("gator"), policies, [*made["objects"], *placed], tmp_path) == []
