"""The registry of models, with MLflow as it runs: in the environment that the service's own tests make."""

from __future__ import annotations

import hashlib
import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest
from ansible_collections.platform.base.plugins.module_utils.audit_chain import AuditLog
from ansible_collections.platform.base.plugins.module_utils.model_catalog import Catalog
from ansible_collections.platform.base.plugins.module_utils.model_registry import ModelRegistry
from ansible_collections.platform.base.plugins.module_utils.model_stages import Candidate
from ansible_collections.platform.base.plugins.module_utils.release_acts import Refused
from ansible_collections.platform.base.plugins.module_utils.web_door import Door, NoAnswer

from tests.loopback_tls import made_authority
from tests.repository import PROJECT, role_folder
from tests.role_programs import loaded

PYTHON = PROJECT / ".venv.model_registry" / "bin" / "python"
PASSWORD = "long and random"
ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
probe = loaded(role_folder("model_registry") / "library/model_registry_probe.py")


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Return the way to a registry over SQLite."""
    if not PYTHON.exists():
        pytest.skip("no environment with MLflow: run services/model_registry/tests/run once")
    folder = tmp_path_factory.mktemp("registry")
    authority = made_authority(folder)
    account = {"sha256": hashlib.sha256(PASSWORD.encode()).hexdigest(), "writes": True}
    (folder / "accounts.json").write_text(json.dumps({"platform": account}))
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    settings = {
        "database": f"sqlite:///{folder}/models.db", "accounts_file": str(folder / "accounts.json"),
        "certificate": str(authority), "key": str(authority.with_suffix(".key")), "host": "127.0.0.1", "port": port,
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    command = [str(PYTHON), "-B", "-m", "model_registry", str(folder / "settings.json")]
    place = PROJECT / "services" / "model_registry"
    way = Door("127.0.0.1", port, "127.0.0.1", ssl.create_default_context(cafile=str(authority)), 30)
    with (
        (folder / "said").open("wb") as said,
        subprocess.Popen(command, cwd=place, stdout=said, stderr=said) as process,
    ):
        end = time.monotonic() + 240
        try:
            while not is_ready(way):
                assert process.poll() is None and time.monotonic() < end, (folder / "said").read_text()
                time.sleep(0.5)
            yield way
        finally:
            process.terminate()


def is_ready(way: Door) -> bool:
    """Return whether the registry takes requests."""
    try:
        return way.request("GET", "/health/ready").status == 200
    except NoAnswer:
        return False


@pytest.fixture
def registry(door: Door) -> ModelRegistry:
    return ModelRegistry(door, "platform", PASSWORD)


def test_verification_finds_nothing_wrong_and_leaves_nothing(door: Door, registry: ModelRegistry) -> None:
    before = registry.versions()

    assert [*probe.misuse(registry), *probe.open_doors(door)] == []
    assert registry.versions() == before


def test_a_version_goes_through_its_stages_until_nobody_needs_it(registry: ModelRegistry, tmp_path: Path) -> None:
    log = AuditLog(str(tmp_path / "audit" / "models.jsonl"))
    images = {f"platform.internal/models/letters@{digest}": digest for digest in (ONE, TWO)}
    candidates = [
        Candidate("letters", version, image, version == "2.0.0", {"licence": "MIT"})
        for version, image in zip(("1.0.0", "2.0.0"), images, strict=True)
    ]

    def catalog(**given: object) -> Catalog:
        told = {
            "model": "letters",
            "version": "",
            "stage": "",
            "reason": "",
            "days": 0.0,
            "only": [],
            "who": "",
            **given,
        }
        return Catalog(registry, candidates, lambda image: (images[image], "seed"), log, told, "deploy")

    for version in ("1.0.0", "2.0.0"):
        catalog(version=version, stage="staging").promote(dry=False)
        catalog(version=version, stage="production", reason="agreed on").promote(dry=False)
    with pytest.raises(Refused):
        catalog(version="1.0.0", stage="production", reason="back").promote(dry=False)
    seen = catalog().look()
    kept = catalog(only=["letters 1.0.0"]).collect(dry=False)

    assert [(told["version"], told["aliases"], told["licence"]) for told in seen["versions"]] == [
        ("1.0.0", [], "MIT"), ("2.0.0", ["production", "staging"], "MIT"),
    ]  # fmt: skip
    assert seen["differs"] == []
    assert kept["deleted"] == [] and "last 2 of production" in kept["kept"]["letters 1.0.0"]
    assert [entry["command"] for entry in log.read()[0]] == ["promote"] * 4

    registry.delete(registry.versions()[0])
    assert [entry.version for entry in registry.versions()] == ["2.0.0"]
    registry.forget("letters")
    assert registry.versions() == []
