"""A Harbor whose API is judged by its own document, and a Vault that knows its administrator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fake_vault import FakeVault
from tests.integration.harbor.fake_harbor import FakeHarbor
from tests.integration.harbor.harbor_server import application, served
from tests.loopback_tls import made_authority
from tests.reference import read_reference

PASSWORD = "The-first-1"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeHarbor, dict[str, Any]]]:
    """Return a Harbor, and where it is, as modules are told. To read the document takes seconds: it is one for all."""
    document = read_reference("harbor", "swagger-v2.0.yaml")
    harbor, authority = FakeHarbor(), made_authority(tmp_path_factory.mktemp("harbor"))
    with served(application(harbor, document), authority) as port:
        yield harbor, {"address": "127.0.0.1", "name": "127.0.0.1", "port": port, "authority": str(authority)}


@pytest.fixture
def harbor(running: tuple[FakeHarbor, dict[str, Any]]) -> FakeHarbor:
    running[0].begin(PASSWORD)
    return running[0]


@pytest.fixture
def place(harbor: FakeHarbor, running: tuple[FakeHarbor, dict[str, Any]]) -> dict[str, Any]:
    return running[1]


@pytest.fixture
def vault() -> FakeVault:
    vault = FakeVault()
    vault.held["harbor/internal"] = {"admin_password": PASSWORD}
    return vault
