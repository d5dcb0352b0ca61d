"""A door that speaks what it must not is told from one that does not."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
from ansible_collections.platform.base.plugins.module_utils.old_tls import answers_plainly, old_hello, speaks_old


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
    listening: tuple[socket.socket, list[bytes]], reply: bytes, spoken: bool
) -> None:
    server, heard = listening
    thread = replying(server, reply, heard)

    found = speaks_old("127.0.0.1", "inference.example.com", 5.0, server.getsockname()[1])

    thread.join(5)
    assert found is spoken


@pytest.mark.parametrize(
    ("reply", "answered"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", True), (b"HTTP/1.1 400 Bad Request\r\n\r\n", False), (b"", False)],
    ids=["it answers", "it wants TLS", "it hangs up"],
)
def test_an_answer_without_tls_is_told_from_a_refusal(
    listening: tuple[socket.socket, list[bytes]], reply: bytes, answered: bool
) -> None:
    server, heard = listening
    thread = replying(server, reply, heard)

    found = answers_plainly("127.0.0.1", "inference.example.com", "/", 5.0, [server.getsockname()[1]])

    thread.join(5)
    assert found is answered


def test_what_is_offered_is_understood_as_tls_1_1() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(old_hello("inference.example.com"))

    with pytest.raises(ssl.SSLError, match=r"(?i)unsupported.protocol"):
        context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
