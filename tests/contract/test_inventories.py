"""Every inventory of the project has no mistake, so that a misspelt name is seen here and not on a site."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.adapters.catalog_files import load_catalog
from installer.adapters.interface_files import load_interface
from installer.adapters.inventory_files import load_inventory
from installer.adapters.lock_files import read_lock
from installer.cli.bundles import _PYTHONS
from installer.cli.wiring import PROJECT
from installer.engine.inventory_rules import check_inventory
from installer.model.inventory import Inventory

FOLDERS = sorted(path.parent for path in PROJECT.glob("inventories/*/hosts.yml"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_inventory_of_the_project_has_no_mistake(folder: Path) -> None:
    inventory = load_inventory(folder, PROJECT)

    found = check_inventory(
        inventory,
        load_interface(PROJECT),
        load_catalog(PROJECT / "roles"),
        read_lock(folder / "bundle.lock.json"),
        # Where upstream's registries are asked, the site locks what they answer.
        needs_lock=inventory.value("platform_artifact_origin") == "build",
    )

    assert [str(problem) for problem in found] == []


def test_the_example_of_a_site_has_every_kind_of_host() -> None:
    example = load_inventory(PROJECT / "inventories" / "onprem", PROJECT)

    counts = {group: len(example.members(group)) for group in load_interface(PROJECT).groups}
    assert counts["admin"] == 1
    assert counts["control_plane"] == 3
    assert all(counts.values())
    assert len(example.members("worker")) > len(example.members("gpu"))


def test_the_example_of_a_site_names_only_addresses_that_are_nobodys() -> None:
    example: Inventory = load_inventory(PROJECT / "inventories" / "onprem", PROJECT)

    assert all(host.address.startswith("192.0.2.") for host in example.hosts.values())
    assert example.value("platform_domain").endswith("example.com")


def test_the_releases_an_inventory_may_name_are_those_a_bundle_can_be_made_for() -> None:
    assert set(load_interface(PROJECT).variables["platform_debian_targets"].choices) == set(_PYTHONS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_file_of_an_inventory_says_what_it_is_for(folder: Path) -> None:
    for file in [*folder.glob("*.yml"), *folder.glob("group_vars/**/*.yml")]:
        assert file.read_text().startswith("#"), file.name
