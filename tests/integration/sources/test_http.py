"""Servers that are busy, gone, elsewhere, not trusted, or reached through a proxy."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from installer.adapters.sources.errors import DownloadFailed, LoginRefused
from installer.adapters.sources.http import ATTEMPTS, HttpClient
from tests.integration.sources.loopback import Answer, Server, saying
from tests.loopback_tls import made_authority


class Badge:
    """A log-in of fixed headers."""

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": "Bearer secret-token"}

    def renew(self, challenge: str, refused: Mapping[str, str]) -> bool:
        del challenge, refused
        return False


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server: Server, client: HttpClient, waits: list[float], status: int) -> None:
    url = server.answer("/x", saying(Answer(status), Answer(status), Answer(200, b"there")))

    content = client.read(url, 100).content

    assert content == b"there"
    assert waits == [1.0, 2.0]


def test_a_server_says_how_long_to_wait(server: Server, client: HttpClient, waits: list[float]) -> None:
    url = server.answer("/x", saying(Answer(503, headers={"Retry-After": "7"}), Answer(200, b"there")))

    client.read(url, 100)

    assert waits == [7.0]


def test_a_server_that_wants_an_hour_is_not_waited_for(server: Server, client: HttpClient, waits: list[float]) -> None:
    url = server.answer("/x", Answer(429, headers={"Retry-After": "3600"}))

    with pytest.raises(DownloadFailed, match="answered 429"):
        client.read(url, 100)

    assert waits == []


def test_a_server_that_stays_busy_is_given_up(server: Server, client: HttpClient) -> None:
    url = server.answer("/x", Answer(503, b"too much to do"))

    with pytest.raises(DownloadFailed, match="answered 503") as caught:
        client.read(url, 100)

    assert len(server.requests) == ATTEMPTS
    assert caught.value.details == ("too much to do",)
    assert caught.value.hint == "Try again later."


def test_what_is_not_there_is_not_asked_for_again(server: Server, client: HttpClient) -> None:
    with pytest.raises(DownloadFailed) as caught:
        client.read(server.url + "/nothing", 100)

    assert caught.value.gone
    assert len(server.requests) == 1


def test_a_server_that_is_down_is_named_with_a_cure(server: Server, client: HttpClient) -> None:
    server.stop()

    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1.*cannot be read") as caught:
        client.read(server.url + "/x", 100)

    assert "network" in caught.value.hint
    assert not caught.value.gone


def test_an_answer_without_end_is_refused(server: Server, client: HttpClient) -> None:
    url = server.answer("/x", b"y" * 101)

    with pytest.raises(DownloadFailed, match="more than 100 bytes"):
        client.read(url, 100)


def test_a_truncated_document_is_read_again(server: Server, client: HttpClient) -> None:
    url = server.answer("/x", saying(Answer(200, b"whole", cut=2), Answer(200, b"whole")))

    assert client.read(url, 100).content == b"whole"


def test_a_log_in_does_not_follow_to_another_server(server: Server, other_server: Server, client: HttpClient) -> None:
    there = other_server.answer("/there", b"content")
    url = server.answer("/x", Answer(307, headers={"Location": there}))

    client.read(url, 100, login=Badge())

    assert server.requests[0].header("Authorization") == "Bearer secret-token"
    assert other_server.requests[0].header("Authorization") == ""


def test_a_log_in_follows_on_the_same_server(server: Server, client: HttpClient) -> None:
    server.answer("/there", b"content")
    url = server.answer("/x", Answer(302, headers={"Location": "/there"}))

    client.read(url, 100, login=Badge())

    assert [request.header("Authorization") for request in server.requests] == ["Bearer secret-token"] * 2


def test_a_password_in_an_address_does_not_follow_to_another_server(
    server: Server, other_server: Server, client: HttpClient
) -> None:
    there = other_server.answer("/there", b"content")
    server.answer("/x", Answer(302, headers={"Location": there}))

    client.read(f"http://reader:secret@{server.host}/x", 100)

    assert server.requests[0].header("Authorization").startswith("Basic ")
    assert other_server.requests[0].header("Authorization") == ""


def test_a_password_in_an_address_is_not_shown(server: Server, client: HttpClient) -> None:
    with pytest.raises(DownloadFailed) as caught:
        client.read(f"http://reader:secret@{server.host}/nothing?signature=hidden", 100)

    assert "secret" not in caught.value.summary
    assert "hidden" not in caught.value.summary


def test_a_log_in_is_not_sent_in_clear(client: HttpClient) -> None:
    with pytest.raises(DownloadFailed, match="not reached by TLS"):
        client.read("http://registry.example.com/x", 100, login=Badge())


def test_a_refused_log_in_is_said_to_be(server: Server, client: HttpClient) -> None:
    url = server.answer("/x", Answer(403))

    with pytest.raises(LoginRefused, match="answered 403"):
        client.read(url, 100, login=Badge())


def test_redirections_end(server: Server, client: HttpClient) -> None:
    url = server.answer("/x", Answer(302, headers={"Location": "/x"}))

    with pytest.raises(DownloadFailed, match="redirects more than"):
        client.read(url, 100)


def test_a_proxy_is_asked_for_what_lies_behind_it(server: Server) -> None:
    server.answer("http://archive.example.com/x", Answer(200, b"through the proxy"))

    with closing(HttpClient(proxies={"http": server.url})) as client:
        content = client.read("http://archive.example.com/x", 100).content

    assert content == b"through the proxy"


def test_a_proxy_from_the_environment_is_used(
    server: Server, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://user:secret@{server.host}")
    server.answer("http://archive.example.com/x", Answer(200, b"through the proxy"))

    client.read("http://archive.example.com/x", 100)

    assert server.requests[0].header("Proxy-Authorization").startswith("Basic ")


def test_a_host_that_is_exempt_is_reached_directly(
    server: Server, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    url = server.answer("/x", b"directly")

    assert client.read(url, 100).content == b"directly"


def test_a_certificate_nobody_vouches_for_is_refused_at_once(
    tls_server: Server, client: HttpClient, waits: list[float]
) -> None:
    url = tls_server.answer("/x", b"content")

    with pytest.raises(DownloadFailed, match="no certificate this machine trusts") as caught:
        client.read(url, 100)

    assert "SSL_CERT_FILE" in caught.value.hint
    assert waits == []


def test_a_private_authority_is_trusted_when_it_is_named(
    tls_server: Server, client: HttpClient, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    url = tls_server.answer("/x", b"content")

    assert client.read(url, 100).content == b"content"


def test_a_redirection_out_of_tls_is_not_followed(
    tls_server: Server, server: Server, client: HttpClient, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    url = tls_server.answer("/x", Answer(302, headers={"Location": server.answer("/clear", b"content")}))

    with pytest.raises(DownloadFailed, match="out of TLS"):
        client.read(url, 100)

    assert server.requests == []


def test_an_authority_file_that_is_missing_is_named(
    client: HttpClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))

    with pytest.raises(DownloadFailed, match=r"none\.pem, which is no file"):
        client.read("https://127.0.0.1:1/x", 100)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """Return the certificate of a server on loopback that vouches for itself, its key beside it."""
    return made_authority(tmp_path)


@pytest.fixture
def tls_server(authority: Path) -> Iterator[Server]:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(authority, authority.with_suffix(".key"))
    running = Server(trust)
    yield running
    running.stop()
