"""The registry, asked as its clients do."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from .conftest import Running

API = "/api/2.0/mlflow"
DIGEST = "sha256:" + "1" * 64


def test_a_version_with_its_digest_and_an_alias_are_read_back(running: Running) -> None:
    tags = [{"key": "version", "value": "1.0.0"}, {"key": "digest", "value": DIGEST}]
    source = f"oci://registry.example.com/models/letters@{DIGEST}"
    running.ask(f"{API}/registered-models/create", "platform", {"name": "letters"})
    running.ask(f"{API}/model-versions/create", "platform", {"name": "letters", "source": source, "tags": tags})
    running.ask(f"{API}/registered-models/alias", "platform", {"name": "letters", "alias": "staging", "version": "1"})

    status, said = running.ask(f"{API}/registered-models/alias?name=letters&alias=staging", "reader")

    assert status == 200
    assert said["model_version"]["source"] == source
    assert {tag["key"]: tag["value"] for tag in said["model_version"]["tags"]} == {"version": "1.0.0", "digest": DIGEST}


@pytest.mark.parametrize("account", ["", "reader-not", "nobody"])
def test_strangers_are_refused(running: Running, account: str) -> None:
    status, said = running.ask(f"{API}/registered-models/search", account)

    assert (status, said["error_code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "registered-models/create"),
        ("POST", "registered-models/alias"),
        ("DELETE", "registered-models/alias"),
        ("DELETE", "model-versions/delete"),
        ("PATCH", "registered-models/update"),
        ("POST", "model-versions/set-tag"),
    ],
)  # fmt: skip
def test_a_reader_writes_nothing(running: Running, method: str, path: str) -> None:
    status, _ = running.ask(f"{API}/{path}", "reader", {"name": "letters"}, method)

    assert status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/", "/version", "/api/2.0/mlflow/experiments/search", "/ajax-api/2.0/mlflow/registered-models/search",
        "/api/2.0/mlflow-artifacts/artifacts", "/get-artifact", "/graphql", "/model-versions/get-artifact",
        "/api/2.0/mlflow/registered-models/../experiments/search", "/metrics/",
    ],
)  # fmt: skip
def test_nothing_else_of_mlflow_is_there(running: Running, path: str) -> None:
    status, _ = running.ask(path, "platform")

    assert status == 404


def test_it_measures_whether_its_database_answers(running: Running) -> None:
    status, said = running.ask("/metrics")

    assert status == 200
    assert "model_registry_database_up 1\n" in said


def test_plain_connections_get_nothing(running: Running) -> None:
    plain: dict[str, Any] = {"url": running.url.replace("https", "http"), "context": ssl.create_default_context()}

    with pytest.raises(OSError):
        Running(**plain).ask("/health/live")
