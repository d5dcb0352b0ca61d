"""Velero's real chart, rendered with this role's values for a site: what it runs, and whether that keeps the policies.

The chart cannot be had everywhere: PLATFORM_CHARTS names a folder that has it, unpacked, as `velero`. Helm is
taken from the store of bundles.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from installer.adapters.catalog_files import load_catalog
from tests.charts import chart_of, templated
from tests.rendering import images_in
from tests.repository import PROJECT
from tests.site_rendering import rendered

_WANTED = {"values": "{{ __velero_values | combine(velero_values, recursive=true) }}"}
_CHOICES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "with a monitoring of the site's own": {"velero_values": {"metrics": {"serviceMonitor": {"enabled": True}}}},
}


@pytest.fixture(scope="module")
def chart() -> Path:
    """Return the chart's folder."""
    return chart_of("velero")


@pytest.fixture(scope="module", params=list(_CHOICES))
def values(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the role gives the chart."""
    choice, folder = _CHOICES[request.param], tmp_path_factory.mktemp("values")
    found: dict[str, Any] = rendered("velero", _WANTED, folder, **choice)["values"]
    return found


@pytest.fixture
def objects(values: dict[str, Any], chart: Path, tmp_path: Path) -> list[dict[str, Any]]:
    """Return what the chart makes of the role's values."""
    return templated("velero", chart, "velero", values, tmp_path)


def named(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """Return an object."""
    return next(item for item in objects if (item["kind"], item["metadata"]["name"]) == (kind, name))


def test_the_chart_is_the_components(chart: Path) -> None:
    (declared,) = load_catalog(PROJECT / "roles")["velero"].description.artifacts.charts

    assert yaml.safe_load((chart / "Chart.yaml").read_text())["version"] == declared.version


def test_the_chart_takes_the_values(values: dict[str, Any], chart: Path) -> None:
    schema = json.loads((chart / "values.schema.json").read_text())
    given = yaml.safe_load((chart / "values.yaml").read_text())

    errors = jsonschema.Draft7Validator(schema).iter_errors(over(given, values))

    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def over(given: Any, values: Any) -> Any:
    """Return values over a chart's own, as Helm merges them."""
    if not isinstance(given, dict) or not isinstance(values, dict):
        return values
    return {**given, **{key: over(given.get(key), value) for key, value in values.items()}}


def unknown(values: Any, known: Any, path: str = "") -> list[str]:
    """Return the keys of values that a chart's own do not have; what it leaves open may have any."""
    if not isinstance(values, dict) or not isinstance(known, dict) or not known or path.endswith("SecurityContext."):
        return []
    found = [f"{path}{key}" for key in values if key not in known]
    return found + [
        line for key in values if key in known for line in unknown(values[key], known[key], f"{path}{key}.")
    ]


def test_every_value_is_one_the_chart_has(values: dict[str, Any], chart: Path) -> None:
    assert unknown(values, yaml.safe_load((chart / "values.yaml").read_text())) == []


def test_every_image_is_the_components(objects: list[dict[str, Any]]) -> None:
    brought = load_catalog(PROJECT / "roles")["velero"].description.artifacts.images
    known = {f"{image.name}:{image.version}" for image in brought}

    found = {image for item in objects for image in images_in(json.dumps(item))}

    assert found and found <= known


def test_no_hook_runs_a_program_of_its_own(objects: list[dict[str, Any]]) -> None:
    assert [item["metadata"]["name"] for item in objects if item["kind"] == "Job"] == []


def test_server_and_agent_have_the_names_that_velero_looks_for(objects: list[dict[str, Any]]) -> None:
    server, agent = named(objects, "Deployment", "velero"), named(objects, "DaemonSet", "node-agent")

    accounts = {item["spec"]["template"]["spec"]["serviceAccountName"] for item in (server, agent)}
    assert accounts == {"velero"}


def test_both_are_told_of_the_roles_settings_and_write_into_an_empty_volume(objects: list[dict[str, Any]]) -> None:
    for kind, name, setting in (
        ("Deployment", "velero", "--repo-maintenance-job-configmap=platform-repository-maintenance"),
        ("DaemonSet", "node-agent", "--node-agent-configmap=platform-node-agent"),
    ):
        (container,) = named(objects, kind, name)["spec"]["template"]["spec"]["containers"]

        assert setting in container["args"]
        assert {"name": "HOME", "value": "/scratch"} in container["env"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_locations_and_schedules_are_not_the_charts(objects: list[dict[str, Any]]) -> None:
    assert {"BackupStorageLocation", "Schedule", "VolumeSnapshotLocation"} & {item["kind"] for item in objects} == set()
