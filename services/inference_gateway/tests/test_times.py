"""Nobody waits longer than was promised, and an engine does not work for somebody who has left."""

from __future__ import annotations

import json
import socket
import time

import pytest

from tests.processes import GatewayProcess, wait_until
from tests.stub_engine import StubEngine


def test_an_answer_too_late_is_504_and_cancelled(plain: GatewayProcess, stub: StubEngine) -> None:
    cancelled, began = stub.cancelled, time.monotonic()

    reply = plain.chat({"delay": 30})

    assert reply.status == 504
    assert 0.5 < time.monotonic() - began < 1.5
    assert reply.json["error"]["code"] == "engine_timeout"
    assert stub.is_idle()
    assert stub.cancelled == cancelled + 1


@pytest.mark.parametrize(
    ("orders", "message"),
    [
        ({"delay": 30}, "Nothing came within"),
        ({"hang_after": 0}, "Nothing came within"),
    ],
)
def test_a_stream_that_does_not_begin_is_504(
    plain: GatewayProcess, stub: StubEngine, orders: dict[str, int], message: str
) -> None:
    reply = plain.chat(orders, stream=True)

    assert reply.status == 504
    assert message in reply.json["error"]["message"]
    assert stub.is_idle()


def test_a_stream_that_stops_ends_with_an_error(plain: GatewayProcess, stub: StubEngine) -> None:
    reply = plain.chat({"hang_after": 2}, stream=True)

    assert reply.status == 200
    assert b"piece 1" in reply.raw
    assert b"Nothing more came for 0.6 s" in reply.raw
    assert b"[DONE]" not in reply.raw
    assert stub.is_idle()
    assert plain.metric('aip_requests_total{code="504",model="stub",track="stable",version="1.0.0"}') >= 1


def test_a_stream_without_end_is_ended(plain: GatewayProcess, stub: StubEngine) -> None:
    began = time.monotonic()

    reply = plain.chat({"pieces": 1000, "gap": 0.1}, stream=True)

    assert 1.8 < time.monotonic() - began < 3
    assert b"The stream was longer than 2 s" in reply.raw
    assert stub.is_idle()


def test_a_slow_stream_that_goes_on_is_not_ended(plain: GatewayProcess) -> None:
    reply = plain.chat({"pieces": 4, "gap": 0.4}, stream=True)

    assert reply.raw.endswith(b"data: [DONE]\n\n")
    assert b"error" not in reply.raw


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_leaves_is_worked_for_no_more(plain: GatewayProcess, stub: StubEngine, stream: bool) -> None:
    cancelled, gone = stub.cancelled, plain.metric('aip_client_gone_total{model="stub"}')
    content = json.dumps({"delay": 0 if stream else 30, "hang_after": 1})
    body = json.dumps({"model": "stub", "stream": stream, "messages": [{"role": "user", "content": content}]}).encode()
    lines = ["POST /v1/chat/completions HTTP/1.1", f"Authorization: Bearer {plain.key}", f"Content-Length: {len(body)}"]
    head = "\r\n".join([*lines, "Host: x", "", ""])

    with socket.create_connection(("127.0.0.1", plain.port)) as connection:
        connection.sendall(head.encode() + body)
        wait_until(lambda: stub.active == 1)
        if stream:
            assert b"piece 0" in _until(connection, b"piece 0")

    assert stub.is_idle(0.5)
    assert stub.cancelled == cancelled + 1
    wait_until(lambda: plain.metric('aip_client_gone_total{model="stub"}') == gone + 1)


@pytest.mark.parametrize(
    ("orders", "status", "code"),
    [
        ({"status": 500}, 502, "engine_failed"),
        ({"status": 404}, 502, "engine_failed"),
        ({"status": 503}, 503, "model_not_ready"),
        ({"garbage": True}, 502, "engine_failed"),
    ],
)
def test_an_engine_that_fails_is_told_from_one_that_is_not_ready(
    plain: GatewayProcess, orders: dict[str, int], status: int, code: str
) -> None:
    reply = plain.chat(orders)

    assert (reply.status, reply.json["error"]["code"]) == (status, code)
    assert ("retry-after" in reply.headers) == (status == 503)


def test_what_an_engine_refuses_is_passed_on(plain: GatewayProcess) -> None:
    reply = plain.chat({"status": 400})

    assert reply.status == 400
    assert reply.json["error"]["message"] == "as ordered"


def test_a_failing_canary_is_blamed_and_not_the_stable_track(plain: GatewayProcess) -> None:
    plain.chat({"status": 500, "headers": {"x-aip-track": "canary", "x-aip-version": "1.1.0"}})

    assert plain.metric('aip_requests_total{code="502",model="stub",track="canary",version="1.1.0"}') == 1


def test_a_stream_without_its_end_is_an_error(plain: GatewayProcess) -> None:
    reply = plain.chat({"done": False}, stream=True)

    assert b"The engine ended its answer before the end" in reply.raw


def _until(connection: socket.socket, wanted: bytes) -> bytes:
    connection.settimeout(5)
    seen = b""
    while wanted not in seen:
        seen += connection.recv(65536)
    return seen
