from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from installer.adapters.catalog_files import load_catalog
from installer.cli.app import app
from installer.cli.wiring import PROJECT
from installer.errors import ExitCode

EXAMPLE = str(PROJECT / "inventories" / "onprem")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


def outline(*more: str) -> list[dict[str, Any]]:
    answer = CliRunner().invoke(app, ["plan", "--inventory", EXAMPLE, "--offline", "--output", "json", *more])
    assert answer.exit_code == 0, answer.exception
    found: list[dict[str, Any]] = json.loads(answer.stdout)["components"]
    return found


def test_an_offline_plan_lists_every_component_after_what_it_needs() -> None:
    components = outline()

    names = [entry["component"] for entry in components]
    assert set(names) == {path.parent.name for path in PROJECT.glob("roles/*/component.yml")}
    for entry in components:
        assert all(names.index(need) < names.index(entry["component"]) for need in entry["needs"])


def test_an_offline_plan_names_the_hosts_of_each_component() -> None:
    hosts = {entry["component"]: entry["hosts"] for entry in outline()}

    assert hosts["api_endpoint"] == ["cp1", "cp2", "cp3"]
    assert {"worker1", "gpu2"} < set(hosts["kubernetes"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--only", "kubernetes", "--only", "api_endpoint"], {"kubernetes", "api_endpoint"}),
        (["--only", "kubernetes,api_endpoint", "--skip", "kubernetes"], {"api_endpoint"}),
    ],
)
def test_a_plan_is_of_what_was_chosen(options: list[str], expected: set[str]) -> None:
    assert {entry["component"] for entry in outline(*options)} == expected


def test_a_plan_is_for_the_hosts_that_were_chosen() -> None:
    hosts = {entry["component"]: entry["hosts"] for entry in outline("--limit", "worker1")}

    assert hosts["kubernetes"] == ["worker1"]
    assert hosts.get("api_endpoint", []) == []


def test_text_is_a_table_for_an_operator() -> None:
    answer = CliRunner().invoke(app, ["plan", "--inventory", EXAMPLE, "--offline"])

    assert answer.stdout.splitlines()[0].split()[:2] == ["component", "layer"]
    assert " on 9 hosts" in answer.stdout


def test_a_component_that_there_is_not_is_refused() -> None:
    answer = CliRunner().invoke(app, ["plan", "--inventory", EXAMPLE, "--offline", "--only", "kubernets"])

    assert answer.exit_code == ExitCode.USAGE
    assert "kubernetes" in answer.stderr


def test_an_inventory_with_mistakes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("all:\n  children:\n    admn:\n")

    answer = CliRunner().invoke(app, ["plan", "--inventory", str(tmp_path), "--offline"])

    assert answer.exit_code == ExitCode.INVALID_CONFIGURATION
    assert f"{tmp_path}/hosts.yml:3: admn is no group of the platform." in answer.stderr


def test_a_bundle_that_nothing_is_pinned_for_is_planned_by_name() -> None:
    answer = CliRunner().invoke(app, ["bundle", "plan", "--inventory", EXAMPLE, "--output", "json"])

    assert answer.exit_code == 0, answer.exception
    named = {(item["component"], item["kind"], item["name"]) for item in json.loads(answer.stdout)["items"]}
    catalog = load_catalog(PROJECT / "roles")
    images = {(c.name, "image", image.name) for c in catalog for image in c.description.artifacts.images}
    charts = {(c.name, "chart", chart.name) for c in catalog for chart in c.description.artifacts.charts}
    assert images | charts <= named
    assert ("gpu_operator", "package", "linux-headers-6.12.107+deb13-amd64") in named
