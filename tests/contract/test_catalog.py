"""Every role is a component, and what components need of each other can be had."""

from __future__ import annotations

import pytest

from installer.adapters.catalog_files import load_catalog
from installer.adapters.interface_files import load_interface
from installer.engine.graph import deployment_order
from installer.model.catalog import Catalog
from tests.repository import PROJECT, ROLES


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
