"""What tests share: a stub, a Valkey, real engines, and a gateway before them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from inference_gateway.keys import KeyRing, make_key, write_keys

from tests.processes import GatewayProcess, RealEngine, ValkeyProcess
from tests.stub_engine import StubEngine

Start = Callable[..., GatewayProcess]


@pytest.fixture(scope="session")
def stub() -> Iterator[StubEngine]:
    engine = StubEngine()
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyProcess]:
    server = ValkeyProcess(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[ValkeyProcess]:
    """A Valkey that a test may kill."""
    server = ValkeyProcess(tmp_path / "valkey")
    server.start()
    yield server
    server.thaw()
    server.kill()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEngine]:
    real = RealEngine(tmp_path_factory.mktemp("engine"), "tiny", 1)
    yield real
    real.stop()


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEngine]:
    """An engine that gives vectors."""
    real = RealEngine(tmp_path_factory.mktemp("vectors"), "vectors", 2, "--embeddings")
    yield real
    real.stop()


def make_keys(folder: Path, *tenants: str) -> list[str]:
    """Write one key for each tenant."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [make_key(tenant, datetime.now(UTC), None, "") for tenant in tenants]
    write_keys(folder / "keys.json", KeyRing(record for _, record in made))
    return [key for key, _ in made]


def base_settings(folder: Path, stub: StubEngine) -> dict[str, Any]:
    """Return settings before a stub, in which nothing is in a test's way."""
    return {
        "models": {
            "stub": {"url": stub.url, "digest": "sha256:stub", "version": "1.0.0", "offers": ["chat", "completions"]}
        },
        "tenants": {"clinic": {}, "bank": {}},
        "limits": {"requests": 1_000_000},
        # Where time is not what a test is about, a machine may take its time.
        "timeouts": {f"{name}_seconds": 120 for name in "answer first_token idle connect headers body".split()},
        "valkey": {"timeout_seconds": 120},
        "files": {"keys": str(folder / "keys.json")},
        "server": {"drain_seconds": 0},
        "probe_seconds": 0.2,
    }


@pytest.fixture
def start(tmp_path: Path, stub: StubEngine) -> Iterator[Start]:
    """Start a gateway with settings over the usual ones."""
    started: list[GatewayProcess] = []
    keys = make_keys(tmp_path, "clinic", "bank")

    def start_one(
        *, name: str = "gateway", environment: dict[str, str] | None = None, moved: bool = False, **changed: Any
    ) -> GatewayProcess:
        settings = base_settings(tmp_path, stub)
        for section, values in changed.items():
            settings[section] = {**settings.get(section, {}), **values} if isinstance(values, dict) else values
        gateway = GatewayProcess(tmp_path / name, settings, keys[0], keys[1], 0, environment or {}, moved)
        started.append(gateway)
        return gateway.start()

    yield start_one
    for gateway in started:
        gateway.stop()
        assert "Traceback" not in gateway.log()
        assert not gateway.events("bug")


@pytest.fixture(scope="session")
def plain(
    tmp_path_factory: pytest.TempPathFactory, stub: StubEngine, valkey: ValkeyProcess
) -> Iterator[GatewayProcess]:
    """A gateway that tests share which need no other settings."""
    yield from _shared(tmp_path_factory.mktemp("plain"), stub, valkey)


@pytest.fixture(scope="session")
def patient(
    tmp_path_factory: pytest.TempPathFactory, stub: StubEngine, valkey: ValkeyProcess
) -> Iterator[GatewayProcess]:
    """One that waits as long as was promised, by a clock that tests move."""
    yield from _shared(tmp_path_factory.mktemp("patient"), stub, valkey, moved=True)


def _shared(folder: Path, stub: StubEngine, valkey: ValkeyProcess, *, moved: bool = False) -> Iterator[GatewayProcess]:
    key, other = make_keys(folder, "clinic", "bank")
    settings = base_settings(folder, stub)
    settings["models"]["stub"]["canary"] = {"version": "1.1.0", "digest": "sha256:canary"}
    settings["sizes"] = {"body_bytes": 65536, "header_bytes": 8192}
    settings["valkey"]["url"] = valkey.url
    if moved:
        del settings["timeouts"]
    gateway = GatewayProcess(folder, settings, key, other, moved=moved).start()
    yield gateway
    gateway.stop()
    assert "Traceback" not in gateway.log()
    assert not gateway.events("bug")
