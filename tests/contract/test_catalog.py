"""Every role is a component, and what components need of each other can be had."""

from __future__ import annotations

import re

import pytest

from installer.adapters.catalog_files import load_catalog
from installer.adapters.interface_files import load_interface
from installer.engine.graph import deployment_order
from installer.model.catalog import Catalog
from tests.repository import PROJECT, ROLES, role_folder, text_files

# What Ansible reads on the machine it runs on, where a variable says the path.
READ_HERE = re.compile(r"'ansible\.builtin\.file', \*?(\w+)")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Return every component there is; the loader lists each mistake."""
    return load_catalog(PROJECT / "roles")


def test_every_role_is_described(catalog: Catalog) -> None:
    assert catalog.names == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_every_need_exists(catalog: Catalog, role: str) -> None:
    component = catalog[role]

    missing = {*component.needs, *component.description.follows, *component.description.verify_needs} - catalog.names

    assert missing == set()


def test_no_component_needs_itself(catalog: Catalog) -> None:
    assert len(deployment_order(catalog, catalog.names)) == len(catalog)


@pytest.mark.parametrize("role", ROLES)
def test_nothing_needs_a_later_layer(catalog: Catalog, role: str) -> None:
    component = catalog[role]

    before = (*component.needs, *component.description.follows)
    later = [need for need in before if catalog[need].layer.rank > component.layer.rank]

    assert later == []


@pytest.mark.parametrize("role", ROLES)
def test_what_is_mandatory_needs_nothing_optional(catalog: Catalog, role: str) -> None:
    component = catalog[role]
    needs = (*component.needs, *component.description.verify_needs)

    optional = [need for need in needs if catalog[need].description.optional]

    assert component.description.optional or optional == []


@pytest.mark.parametrize("role", ROLES)
def test_a_component_runs_on_groups_that_exist(catalog: Catalog, role: str) -> None:
    known = {"all", *load_interface(PROJECT).groups}

    groups = {part.partition("[")[0] for part in catalog[role].description.runs_on.split(":")}

    assert groups <= known


@pytest.mark.parametrize("role", ROLES)
def test_files_that_a_site_gives_are_declared(catalog: Catalog, role: str) -> None:
    variables = load_interface(PROJECT).variables
    read = {
        name
        for path in text_files(role_folder(role))
        if path.parent.name in ("tasks", "deploy", "templates", "vars")
        for name in READ_HERE.findall(path.read_text())
        if name in variables and variables[name].owner == role
    }

    assert read == set(catalog[role].description.reads_files), "One that lacks would be noticed in the middle of a run."
