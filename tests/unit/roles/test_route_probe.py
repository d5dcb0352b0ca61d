"""Verification of the router counts who answered, and finds a door that speaks what it must not."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from tests.repository import role_folder
from tests.role_programs import loaded

probe = loaded(role_folder("traffic_router") / "library/route_probe.py")


def answers(stable: int, canary: int) -> list[object]:
    return [probe.Answer(200, "stable", "stable")] * stable + [probe.Answer(200, "canary", "canary")] * canary


def test_answers_shared_as_weighed_are_right() -> None:
    assert list(probe.judge(answers(190, 10))) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (answers(200, 0), "the canary answered 0"),
        (answers(0, 200), "the canary answered 200"),
        (answers(100, 100), "the weights are 5 to 95"),
        ([*answers(190, 9), probe.Answer(503, "", "no available server")], "the status 503"),
        ([*answers(190, 9), probe.Answer(200, "stable", "canary")], "the release 'canary' says x-aip-track: 'stable'"),
        ([*answers(190, 9), probe.Answer(200, "", "canary")], "says x-aip-track: ''"),
    ],
    ids=["one track", "the other track", "halves", "nobody", "the wrong track", "no track"],
)
def test_answers_that_are_wrong_are_named(given: list[object], said: str) -> None:
    (found,) = probe.judge(given)

    assert said in found


@pytest.fixture
def listening() -> Iterator[tuple[socket.socket, list[bytes]]]:
    server = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []
    yield server, heard
    server.close()


def replying(server: socket.socket, reply: bytes, heard: list[bytes]) -> threading.Thread:
    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            heard.append(connection.recv(4096))
            connection.sendall(reply)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("reply", "spoken"),
    [(b"\x16\x03\x02\x00\x31\x02", True), (b"\x15\x03\x02\x00\x02\x02\x46", False), (b"", False)],
    ids=["it shakes hands", "an alert", "it hangs up"],
)
def test_a_handshake_by_tls_1_1_is_told_from_a_refusal(
    listening: tuple[socket.socket, list[bytes]], monkeypatch: pytest.MonkeyPatch, reply: bytes, spoken: bool
) -> None:
    server, heard = listening
    monkeypatch.setattr(probe, "_TLS", server.getsockname()[1])
    thread = replying(server, reply, heard)

    found = probe.speaks_old("127.0.0.1", "inference.example.com")

    thread.join(5)
    assert found is spoken


def test_what_is_offered_is_understood_as_tls_1_1() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(probe.old_hello("inference.example.com"))

    with pytest.raises(ssl.SSLError, match=r"(?i)unsupported.protocol"):
        context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()


def test_every_object_can_be_found_to_be_taken_away() -> None:
    made = probe.objects("probe", "image", "inference.example.com", "/way")

    kinds = {entry["kind"].lower() + "s" for entry in made}
    assert all(entry["metadata"]["labels"]["platform.internal/probe"] == "route" for entry in made)
    assert kinds == {kind.partition(".")[0] for kind in probe._KINDS.split(",")}
