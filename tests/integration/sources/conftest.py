"""Servers on loopback, a store, and a client that does not wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from installer.adapters.blob_store import BlobStore
from installer.adapters.sources.downloads import Downloads
from installer.adapters.sources.http import HttpClient
from installer.model.events import Event, Notice, Warned
from tests.integration.sources.loopback import Server


@dataclass
class Told:
    """A reporter that keeps what it is told."""

    events: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        self.events.append(event)

    @property
    def sentences(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, (Notice, Warned))]


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep proxies, log-ins and authorities of the machine out."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "registry_auth_file"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def other_server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "store")


@pytest.fixture
def waits() -> list[float]:
    """Return the seconds the client would have waited."""
    return []


@pytest.fixture
def client(waits: list[float]) -> Iterator[HttpClient]:
    with closing(HttpClient(sleep=waits.append)) as opened:
        yield opened


@pytest.fixture
def downloads(store: BlobStore, client: HttpClient) -> Downloads:
    return Downloads(store, client)


@pytest.fixture
def told() -> Told:
    return Told()
