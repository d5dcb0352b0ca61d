"""Nobody waits longer than was promised, and an engine does not work for somebody who has left."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.processes import GatewayProcess, Stream, wait_until
from tests.stub_engine import StubEngine


def test_an_answer_too_late_is_504_and_cancelled(patient: GatewayProcess, stub: StubEngine) -> None:
    cancelled = stub.cancelled

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(patient.chat, {"hold": "never"})
        wait_until(lambda: stub.held == 1)
        patient.move(20)
        held_then, done_then = stub.held, asking.done()
        patient.move(11)
    reply = asking.result()

    assert (held_then, done_then) == (1, False)
    assert (reply.status, reply.json["error"]["code"]) == (504, "engine_timeout")
    assert "No answer came within 30 s" in reply.json["error"]["message"]
    wait_until(lambda: stub.active == 0)
    assert stub.cancelled == cancelled + 1


@pytest.mark.parametrize("orders", [{"hold": "never"}, {"hold": "never", "hold_before": 0}])
def test_a_stream_that_does_not_begin_is_504(patient: GatewayProcess, stub: StubEngine, orders: dict[str, Any]) -> None:
    cancelled = stub.cancelled

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(lambda: patient.chat(orders, stream=True))
        wait_until(lambda: stub.held == 1)
        patient.move(31)
    reply = asking.result()

    assert reply.status == 504
    assert "Nothing came within 30 s" in reply.json["error"]["message"]
    wait_until(lambda: stub.active == 0)
    assert stub.cancelled == cancelled + 1


def test_a_stream_that_stops_ends_with_an_error(patient: GatewayProcess, stub: StubEngine) -> None:
    with patient.streaming({"hold": "never", "hold_before": 2}) as stream:
        stream.until(b"piece 1")
        patient.move(31)
        raw = stream.rest()

    assert stream.response.status == 200
    assert b"Nothing more came for 30 s" in raw
    assert b"[DONE]" not in raw
    wait_until(lambda: stub.active == 0)
    assert patient.metric('aip_requests_total{code="504",model="stub",track="stable",version="1.0.0"}') >= 1


def test_a_stream_without_end_is_ended(patient: GatewayProcess, stub: StubEngine) -> None:
    with patient.streaming({"pieces": 1000, "hold": "endless", "hold_before": 1}) as stream:
        # After 585 of the 600 s that are promised it still goes on.
        _go_on(stream, patient, stub, "endless", pieces=40, seconds=15)
        raw = stream.rest()

    assert b"The stream was longer than 600 s" in raw
    wait_until(lambda: stub.active == 0)


def test_a_slow_stream_that_goes_on_is_not_ended(patient: GatewayProcess, stub: StubEngine) -> None:
    with patient.streaming({"pieces": 4, "hold": "slow", "hold_before": 1}) as stream:
        _go_on(stream, patient, stub, "slow", pieces=3, seconds=20)
        raw = stream.rest()

    assert raw.endswith(b"data: [DONE]\n\n")
    assert b"error" not in raw


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_leaves_is_worked_for_no_more(plain: GatewayProcess, stub: StubEngine, stream: bool) -> None:
    cancelled, gone = stub.cancelled, plain.metric('aip_client_gone_total{model="stub"}')
    content = json.dumps({"hold": "never", "hold_before": 1 if stream else None})
    body = json.dumps({"model": "stub", "stream": stream, "messages": [{"role": "user", "content": content}]}).encode()
    lines = ["POST /v1/chat/completions HTTP/1.1", f"Authorization: Bearer {plain.key}", f"Content-Length: {len(body)}"]
    head = "\r\n".join([*lines, "Host: x", "", ""])

    with socket.create_connection(("127.0.0.1", plain.port)) as connection:
        connection.sendall(head.encode() + body)
        wait_until(lambda: stub.held == 1)
        if stream:
            assert b"piece 0" in _until(connection, b"piece 0")

    # Nobody lets it go on, so it is over only when it is cancelled.
    wait_until(lambda: stub.active == 0)
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


def _go_on(stream: Stream, gateway: GatewayProcess, stub: StubEngine, name: str, pieces: int, seconds: int) -> None:
    """Read pieces, with so many seconds after each before the engine goes on."""
    for number in range(pieces):
        stream.until(b"piece %d " % number)
        gateway.move(seconds)
        stub.let_go(name)


def _until(connection: socket.socket, wanted: bytes) -> bytes:
    connection.settimeout(120)
    seen = b""
    while wanted not in seen:
        seen += connection.recv(65536)
    return seen
