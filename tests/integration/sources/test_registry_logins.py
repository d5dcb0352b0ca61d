"""Who reads from a registry: anyone, or who the site's container tools say one is."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from installer.adapters.sources.downloads import Downloads
from installer.adapters.sources.errors import LoginRefused
from installer.adapters.sources.oci import Registry
from installer.errors import InvalidConfiguration
from tests.integration.sources.conftest import Told
from tests.integration.sources.loopback import Answer, Request, Server
from tests.integration.sources.registry import Doorkeeper, ToyRegistry


@pytest.fixture
def upstream(server: Server) -> ToyRegistry:
    return ToyRegistry(server, "hub/team/app")


@pytest.fixture
def registry(server: Server, downloads: Downloads) -> Registry:
    return Registry("registry.example.com", "team/app", {"registry.example.com": f"{server.url}/hub"}, downloads)


def log_in(home: Path, entry: Mapping[str, str], host: str) -> None:
    folder = home / "home" / ".docker"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"auths": {host: entry}}))


def basic(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def test_anyone_is_given_a_token(upstream: ToyRegistry, registry: Registry, told: Told) -> None:
    door = Doorkeeper(upstream)
    upstream.tag("v1", upstream.image(b"layer"))

    registry.copy("v1", "linux/amd64", told)

    assert door.scopes == ["repository:hub/team/app:pull"]


def test_a_token_that_runs_out_is_renewed(upstream: ToyRegistry, registry: Registry, told: Told) -> None:
    door = Doorkeeper(upstream, uses=2)
    upstream.tag("v1", upstream.image(b"one", b"two", b"three"))

    registry.copy("v1", "linux/amd64", told)

    assert len(door.asked) > 1


def test_the_log_in_of_the_sites_tools_is_used(
    upstream: ToyRegistry, registry: Registry, server: Server, tmp_path: Path, told: Told
) -> None:
    log_in(tmp_path, basic("reader:secret"), server.host)
    Doorkeeper(upstream, user="reader:secret")
    upstream.tag("v1", upstream.image(b"layer"))

    assert registry.copy("v1", "linux/amd64", told)


def test_a_log_in_without_tokens_is_used(
    upstream: ToyRegistry, registry: Registry, server: Server, tmp_path: Path, told: Told
) -> None:
    log_in(tmp_path, basic("reader:secret"), server.host)
    expected = "Basic " + basic("reader:secret")["auth"]
    refusal = Answer(401, b"", {"WWW-Authenticate": 'Basic realm="toy"'})
    upstream.guard = lambda request: None if request.header("Authorization") == expected else refusal
    upstream.tag("v1", upstream.image(b"layer"))

    assert registry.copy("v1", "linux/amd64", told)


def test_an_identity_token_is_changed_for_another(
    upstream: ToyRegistry, registry: Registry, server: Server, tmp_path: Path, told: Told
) -> None:
    log_in(tmp_path, {"identitytoken": "long-lived"}, server.host)
    door = Doorkeeper(upstream)
    upstream.tag("v1", upstream.image(b"layer"))
    sent = []

    def exchange(request: Request) -> Answer:
        sent.append(request.body)
        return given(request)

    given = server.answers["/token"]
    server.answer("/token", exchange)
    registry.copy("v1", "linux/amd64", told)

    assert b"refresh_token=long-lived" in sent[0]
    assert len(door.asked) == 1


def test_a_wrong_log_in_is_named_without_its_password(
    upstream: ToyRegistry, registry: Registry, server: Server, tmp_path: Path, told: Told
) -> None:
    log_in(tmp_path, basic("reader:wrong"), server.host)
    Doorkeeper(upstream, user="reader:secret")
    upstream.tag("v1", upstream.image(b"layer"))

    with pytest.raises(LoginRefused, match="does not let the user reader read hub/team/app") as caught:
        registry.copy("v1", "linux/amd64", told)

    assert "wrong" not in f"{caught.value.summary} {caught.value.details} {caught.value.hint}"


def test_a_missing_log_in_is_asked_for(upstream: ToyRegistry, registry: Registry, told: Told) -> None:
    Doorkeeper(upstream, user="reader:secret")
    upstream.tag("v1", upstream.image(b"layer"))

    with pytest.raises(LoginRefused, match="does not let someone without a log-in read") as caught:
        registry.copy("v1", "linux/amd64", told)

    assert "config.json" in caught.value.hint


def test_an_unreadable_log_in_file_is_named(
    upstream: ToyRegistry, registry: Registry, tmp_path: Path, told: Told
) -> None:
    log_in(tmp_path, {}, "x")
    (tmp_path / "home" / ".docker" / "config.json").write_text("secret: nonsense")
    Doorkeeper(upstream)
    upstream.tag("v1", upstream.image(b"layer"))

    with pytest.raises(InvalidConfiguration) as caught:
        registry.copy("v1", "linux/amd64", told)

    assert "config.json" in caught.value.details[0]
    assert "nonsense" not in str(caught.value.details)
