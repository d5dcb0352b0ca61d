"""Which log-in is for whom, and what a registry's challenge asks for."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from installer.adapters.sources.addresses import basic, log_in_of, may_carry_secrets, server, shown
from installer.adapters.sources.logins import Credentials, challenges_of, stored_credentials
from installer.errors import InvalidConfiguration


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that writes what the site's tools keep."""
    path = tmp_path / "auth.json"
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(path))
    return lambda auths: path.write_text(json.dumps({"auths": auths}))


def entry(user: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:secret".encode()).decode()}


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("registry.example.com", "anyone"),
        ("registry.example.com/team", "team"),
        ("registry.example.com/team/app", "app"),
        ("https://registry.example.com", "by address"),
        ("https://registry.example.com/", "by address"),
    ],
)
def test_a_log_in_is_found_under_its_names(write: Any, name: str, user: str) -> None:
    write({name: entry(user), "other.example.com": entry("other")})

    assert stored_credentials("registry.example.com", "team/app").user == user


def test_the_closest_log_in_is_taken(write: Any) -> None:
    write({"registry.example.com": entry("anyone"), "registry.example.com/team": entry("team")})

    assert stored_credentials("registry.example.com", "team/app").user == "team"
    assert stored_credentials("registry.example.com", "teams/app").user == "anyone"


def test_dockers_own_registry_has_its_first_address(write: Any) -> None:
    write({"https://index.docker.io/v1/": entry("hub")})

    assert stored_credentials("registry-1.docker.io", "library/busybox").user == "hub"


def test_a_user_and_password_may_be_written_apart(write: Any) -> None:
    write({"registry.example.com": {"username": "reader", "password": "a:b"}})

    assert stored_credentials("registry.example.com", "x").basic == basic("reader", "a:b")


def test_a_registry_nobody_logged_in_at_is_read_by_anyone(write: Any) -> None:
    write({"registry.example.com": entry("reader")})

    assert stored_credentials("another.example.com", "x") == Credentials()


def test_no_file_means_no_log_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))

    assert stored_credentials("registry.example.com", "x") == Credentials()


@pytest.mark.parametrize("content", ["", "[]", '{"auths": 1}', '{"auths": {"r.example.com": {"auth": "%%"}}}'])
def test_a_file_that_cannot_be_read_is_named_without_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    path = tmp_path / "auth.json"
    path.write_text(content)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(path))

    with pytest.raises(InvalidConfiguration) as caught:
        stored_credentials("r.example.com", "x")

    assert caught.value.problems[0].where == str(path)
    assert "%%" not in caught.value.problems[0].message


def test_credentials_are_not_shown() -> None:
    assert "secret" not in repr(Credentials("reader", "secret", "secret-token"))


@pytest.mark.parametrize(
    ("header", "scheme", "parameters"),
    [
        (
            'Bearer realm="https://a.example.com/t",service="s"',
            "bearer",
            {"realm": "https://a.example.com/t", "service": "s"},
        ),
        (
            'bearer realm=https://a.example.com/t, scope="a,b"',
            "bearer",
            {"realm": "https://a.example.com/t", "scope": "a,b"},
        ),
        ('Bearer realm="a \\"quoted\\" name"', "bearer", {"realm": 'a "quoted" name'}),
        ('BASIC realm="x"', "basic", {"realm": "x"}),
        ("Basic", "basic", {}),
    ],
)
def test_a_challenge_is_read(header: str, scheme: str, parameters: dict[str, str]) -> None:
    assert challenges_of(header) == {scheme: parameters}


def test_two_challenges_in_one_header_are_told_apart() -> None:
    found = challenges_of('Basic realm="x", Bearer realm="https://a.example.com/t",service="Basic service"')

    assert found == {
        "basic": {"realm": "x"},
        "bearer": {"realm": "https://a.example.com/t", "service": "Basic service"},
    }


@pytest.mark.parametrize("header", ["", "Negotiate", "nonsense, more"])
def test_a_challenge_of_another_kind_offers_nothing(header: str) -> None:
    assert challenges_of(header) == {}


def test_an_address_is_shown_without_its_secrets() -> None:
    assert shown("https://user:secret@a.example.com/p?X-Signature=1#f") == "https://a.example.com/p"


def test_a_log_in_in_an_address_is_sent_decoded() -> None:
    assert log_in_of("https://us%40er:p%3Aw@a.example.com/") == basic("us@er", "p:w")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://a.example.com/", True),
        ("http://127.0.0.1:5000/", True),
        ("http://localhost/", True),
        ("http://a.example.com/", False),
        ("http://127.0.0.1.example.com/", False),
    ],
)
def test_secrets_leave_this_machine_by_tls_only(url: str, allowed: bool) -> None:
    assert may_carry_secrets(url) is allowed


def test_a_port_that_is_usual_makes_no_other_server() -> None:
    assert server("https://a.example.com/x") == server("https://a.example.com:443/y")
    assert server("https://a.example.com/x") != server("https://a.example.com:444/x")
