"""What the registry is made of, each by itself."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from model_registry.accounts import Accounts
from model_registry.catalog import Application, Catalog
from model_registry.door import Door
from model_registry.settings import read_settings

from .conftest import accounts

DATABASE = {
    "host": "database.example.com", "port": 5432, "name": "models", "user": "registry", "tls": "verify-full",
    "authority": "/etc/authority/ca.crt",
}  # fmt: skip


class StandIn(Catalog):
    """A catalogue whose parts are there or not."""

    def __init__(self, application: Application | None, answers: bool = True) -> None:
        super().__init__(str)
        self._application = application
        self._answers = answers

    def database_answers(self) -> bool:
        return self._answers


def header(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def asked(door: Door, path: str, **environment: str) -> tuple[str, bytes]:
    """Return the status and the body of an answer."""
    statuses: list[str] = []
    parts = door(
        {"REQUEST_METHOD": "GET", "PATH_INFO": path, **environment}, lambda status, *_: statuses.append(status)
    )
    return statuses[0], b"".join(parts)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "accounts.json").write_text(json.dumps(accounts()))
    return tmp_path / "accounts.json"


@pytest.mark.parametrize(
    "given",
    [
        "", "Basic", "Basic %%%", "Bearer long-and-random", header("platform", ""), header("platform", "guessed"),
        header("nobody", ""), header("nobody", "long-and-random"), "Basic " + base64.b64encode(b"\xff\xfe").decode(),
    ],
)  # fmt: skip
def test_whoever_does_not_know_a_password_is_nobody(file: Path, given: str) -> None:
    assert Accounts(file).known(given) == ""


def test_a_password_that_is_made_anew_counts_at_once(file: Path) -> None:
    known = Accounts(file)
    before = known.known(header("platform", "long-and-random"))

    other = file.with_name("other")
    other.write_text(json.dumps({"reader": accounts()["reader"]}))
    other.rename(file)

    assert (before, known.known(header("platform", "long-and-random"))) == ("platform", "")


def test_mlflow_never_sees_a_password(file: Path) -> None:
    seen: list[dict[str, Any]] = []

    def application(environment: dict[str, Any], begin: Any) -> Iterable[bytes]:
        seen.append(environment)
        begin("200 OK", [])
        return [b"{}"]

    path = "/api/2.0/mlflow/registered-models/search"
    status, _ = asked(
        Door(Accounts(file), StandIn(application)), path, HTTP_AUTHORIZATION=header("reader", "also-random")
    )

    assert status == "200 OK"
    assert [name for name in seen[0] if "AUTHORIZATION" in name] == []


def test_before_the_database_is_there_it_says_that_it_waits(file: Path) -> None:
    door = Door(Accounts(file), StandIn(None, answers=False))

    assert asked(door, "/health/live")[0] == "200 OK"
    assert asked(door, "/health/ready")[0].startswith("503 ")
    assert b"model_registry_database_up 0\n" in asked(door, "/metrics")[1]


@pytest.mark.parametrize(
    ("content", "measured"),
    [("2026-01-31T12:00:00Z\n", [b"model_registry_backup_timestamp_seconds 1769860800"]), ("never", []), (None, [])],
)
def test_it_measures_when_its_database_was_copied(file: Path, content: str | None, measured: list[bytes]) -> None:
    taken = file.with_name("taken")
    if content is not None:
        taken.write_text(content)

    _, said = asked(Door(Accounts(file), StandIn(None), taken), "/metrics")

    assert [line for line in said.splitlines() if line.startswith(b"model_registry_backup")] == measured


@pytest.mark.parametrize("length", ["2000000", "-1", "many"])
def test_large_requests_are_refused(file: Path, length: str) -> None:
    path, login = "/api/2.0/mlflow/registered-models/create", header("platform", "long-and-random")
    environment = {"HTTP_AUTHORIZATION": login, "CONTENT_LENGTH": length, "REQUEST_METHOD": "POST"}

    status, _ = asked(Door(Accounts(file), StandIn(None)), path, **environment)

    assert status.startswith("413 ")


def test_a_catalogue_waits_for_its_database() -> None:
    tried: list[str] = []

    def nowhere() -> str:
        tried.append("")
        raise OSError("no password yet")

    catalog = Catalog(nowhere)
    catalog.begin()
    end = time.monotonic() + 10
    while not tried and time.monotonic() < end:
        time.sleep(0.01)

    assert tried
    assert catalog.application is None
    assert not catalog.database_answers()


def test_a_password_is_no_part_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss/word\n")
    told = {
        "database": DATABASE, "password_file": str(tmp_path / "password"), "accounts_file": "a", "certificate": "c",
        "key": "k",
    }  # fmt: skip
    (tmp_path / "settings.json").write_text(json.dumps(told))

    settings = read_settings(tmp_path / "settings.json")

    assert "p@ss" not in settings.database
    assert settings.database_url() == (
        "postgresql+psycopg2://registry:p%40ss%2Fword@database.example.com:5432/models"
        "?sslmode=verify-full&sslrootcert=%2Fetc%2Fauthority%2Fca.crt&connect_timeout=5"
    )


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    told = {"database": DATABASE, "accounts_file": "a", "certificate": "c", "key": "k", "worker": 3}
    (tmp_path / "settings.json").write_text(json.dumps(told))

    with pytest.raises(ValueError, match="worker"):
        read_settings(tmp_path / "settings.json")
