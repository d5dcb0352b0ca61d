"""A lab that the system tests have for themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.planted import plant
from tests.system.site import LabSite, of_a_cluster


@pytest.fixture(scope="session")
def bare_site(pytestconfig: pytest.Config) -> Iterator[LabSite]:
    """Return bare hosts with their bundle, whatever an earlier run left; nothing of them stays."""
    site = LabSite("systemtest", components=() if pytestconfig.getoption("--whole") else of_a_cluster())
    site.forget()
    try:
        site.run("lab", "up")
        plant(site.state)
        # Ansible by itself builds none, and the first installation would.
        site.run("bundle", "build")
        yield site
    finally:
        site.forget()
