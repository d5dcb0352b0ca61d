"""A door that speaks what it must not is told from one that does not."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable

import pytest
from ansible_collections.platform.base.plugins.module_utils.old_tls import answers_plainly, old_hello, speaks_old


def asked(reply: bytes, ask: Callable[[int], bool]) -> bool:
    """Return what is found by asking a port, where somebody listens and says one thing."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(reply)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        found = ask(server.getsockname()[1])
        thread.join(5)
    return found


@pytest.mark.parametrize(
    ("reply", "spoken"),
    [(b"\x16\x03\x02\x00\x31\x02", True), (b"\x15\x03\x02\x00\x02\x02\x46", False), (b"", False)],
    ids=["it shakes hands", "an alert", "it hangs up"],
)
def test_a_handshake_by_tls_1_1_is_told_from_a_refusal(reply: bytes, spoken: bool) -> None:
    assert asked(reply, lambda port: speaks_old("127.0.0.1", "inference.example.com", 5.0, port)) is spoken


@pytest.mark.parametrize(
    ("reply", "answered"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", True), (b"HTTP/1.1 400 Bad Request\r\n\r\n", False), (b"", False)],
    ids=["it answers", "it wants TLS", "it hangs up"],
)
def test_an_answer_without_tls_is_told_from_a_refusal(reply: bytes, answered: bool) -> None:
    assert (
        asked(reply, lambda port: answers_plainly("127.0.0.1", "inference.example.com", "/", 5.0, [port])) is answered
    )


def test_what_is_offered_is_understood_as_tls_1_1() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(old_hello("inference.example.com"))

    with pytest.raises(ssl.SSLError, match=r"(?i)unsupported.protocol"):
        context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
