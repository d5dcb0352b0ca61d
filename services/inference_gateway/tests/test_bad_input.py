"""Whatever comes in, the answer is the caller's mistake and not ours, and nothing is left in memory."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes import GatewayProcess, wait_until

PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/inference")
GOOD: dict[str, Any] = {"model": "stub", "messages": [{"role": "user", "content": "hello"}]}
# What is put where something else is wanted.
ODD: tuple[object, ...] = (
    None, True, -1, 0, 1e308, 2**70, "", "x", "\u0000", [], [None], [[]], {}, {"a": {}}, "\ud83d\ude00",
)  # fmt: skip


def malformed() -> Iterator[bytes]:
    """Yield bodies that are no JSON, or no object."""
    whole = json.dumps(GOOD).encode()
    yield from (
        b"",
        b" ",
        b"null",
        b"[]",
        b"1",
        b'"text"',
        b"{",
        b"}",
        b"{}",
        b"\x00",
        b"\xff\xfe{}",
        b"nan",
        b"{'a': 1}",
    )
    yield from (whole[:length] for length in range(1, len(whole), 3))
    yield from (whole[:place] + b"\xff" + whole[place:] for place in range(2, len(whole) - 1, 3))
    yield b"[" * 20_000
    yield b'{"a":' * 5_000
    yield b'{"model": "stub", "messages": [{"role": "user", "content": "\\ud800"}], "x": 1}'


def misshapen() -> Iterator[dict[str, Any]]:
    """Yield objects of which one value is odd, missing or unknown."""
    for name in (*GOOD, *"prompt input temperature max_tokens n stop stream tools logit_bias stream_options".split()):
        yield from ({**GOOD, name: odd} for odd in ODD)
    for name in ("role", "content", "tool_calls"):
        yield from ({**GOOD, "messages": [{"role": "user", "content": "x", name: odd}]} for odd in ODD)
    yield from ({**GOOD, f"unknown{number}": number} for number in range(20))
    yield from ({name: value for name, value in GOOD.items() if name != missing} for missing in GOOD)


def is_well_formed(body: dict[str, Any]) -> bool:
    """Whether an odd value happens to be one that is taken."""
    return body.get("model") == "stub"


def test_hundreds_of_malformed_bodies_are_422(plain: GatewayProcess) -> None:
    bodies = [*malformed(), *({"unknown": 1, **body} for body in misshapen())]
    raw = [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]

    statuses = {plain.post(PATHS[number % 4], body).status for number, body in enumerate(raw)}

    assert len(raw) > 300
    assert statuses == {422}


def test_odd_values_are_never_an_error_of_ours(plain: GatewayProcess) -> None:
    bodies = list(misshapen())

    statuses = [plain.post(path, body).status for body in bodies for path in PATHS[:1]]

    assert {status for status in statuses if status not in (200, 404, 422)} == set()
    assert statuses.count(422) > len(bodies) * 0.6


def test_random_bytes_are_never_an_error_of_ours(plain: GatewayProcess) -> None:
    draw = random.Random(7)

    statuses = {plain.post(PATHS[0], draw.randbytes(draw.randrange(200))).status for _ in range(200)}

    assert statuses == {422}


def test_each_mistake_is_told_with_its_place(plain: GatewayProcess) -> None:
    body = {"model": "stub", "messages": [{"role": "king", "content": 1}], "temperature": 9, "colour": "red"}

    reply = plain.post(PATHS[0], body)

    assert reply.status == 422
    places = {".".join(map(str, mistake["loc"])) for mistake in reply.json["detail"]}
    assert {"body.messages.0.role", "body.temperature", "body.colour"} <= places
    assert reply.json["error"]["type"] == "invalid_request_error"


def test_an_unknown_model_is_404(plain: GatewayProcess) -> None:
    reply = plain.chat(model="none")

    assert (reply.status, reply.json["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/chat", "/v2/models", "/%ff", "/..%2f..%2fetc/passwd"])
def test_an_unknown_path_is_404(plain: GatewayProcess, path: str) -> None:
    assert plain.get(path).status == 404


def test_a_wrong_method_is_405(plain: GatewayProcess) -> None:
    assert plain.get(PATHS[0]).status == 405
    assert plain.ask("DELETE", "/v1/models", None, None).status == 405


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_too_large_is_413(plain: GatewayProcess, announced: bool) -> None:
    raw = json.dumps({**GOOD, "user": "x" * 70_000}).encode()
    head = f"POST {PATHS[0]} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {plain.key}\r\nConnection: close\r\n"
    if announced:
        sent = head.encode() + b"Content-Length: 99999999999\r\n\r\n"
    else:
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (raw[:40_000], raw[40_000:])) + b"0\r\n\r\n"
        sent = head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunks

    assert _answer(plain, sent).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "headers",
    [
        b"X-Long: " + b"a" * 9_000,
        b"\r\n".join(b"X-%d: a" % number for number in range(3_000)),
        b"X-Endless: " + b"a" * 3_000_000,
        b"a" * 3_000_000,
    ],
    ids=["one", "many", "endless", "nameless"],
)
def test_huge_headers_are_4xx(plain: GatewayProcess, headers: bytes) -> None:
    answer = _answer(plain, b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n")

    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


def test_a_huge_address_is_4xx(plain: GatewayProcess) -> None:
    assert _answer(plain, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/inference HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/inference HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"POST /v1/inference HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_400(plain: GatewayProcess, sent: bytes) -> None:
    assert _answer(plain, sent).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 "))


def test_who_never_ends_the_headers_is_let_go(patient: GatewayProcess) -> None:
    with socket.create_connection(("127.0.0.1", patient.port)) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: ")
        _until_taken(patient)
        patient.move(5)
        _until_taken(patient)
        waited = _is_silent(connection)
        patient.move(6)
        connection.settimeout(120)
        answer = connection.recv(64)

    assert waited
    assert answer == b""


def test_who_never_ends_the_body_is_told_so(patient: GatewayProcess) -> None:
    lines = [f"POST {PATHS[0]} HTTP/1.1", "Host: x", f"Authorization: Bearer {patient.key}", "Content-Length: 100"]
    head = "\r\n".join([*lines, "", "{"])

    with socket.create_connection(("127.0.0.1", patient.port)) as connection:
        connection.sendall(head.encode())
        # This one, and the question for it.
        wait_until(lambda: patient.metric("aip_inflight") == 2)
        patient.move(8)
        waited = _is_silent(connection)
        patient.move(8)
        connection.settimeout(120)
        answer = connection.recv(4096)

    assert waited
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("value", [b"\xff\xfe", b"a b", b"x" * 200, b'"; drop'])
def test_a_name_of_a_request_that_cannot_stand_in_a_log_is_not_taken(plain: GatewayProcess, value: bytes) -> None:
    answer = _answer(
        plain, b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: " + value + b"\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert value not in answer


def test_memory_stays_as_it_was(plain: GatewayProcess) -> None:
    bodies = [b"[" * 20_000, b"\xff" * 60_000, json.dumps({**GOOD, "x": ["y" * 50] * 1000}).encode()]

    def bother() -> None:
        for _ in range(150):
            for body in bodies:
                plain.post(PATHS[0], body)
        for _ in range(20):
            _answer(plain, b"GET / HTTP/1.1\r\nX: " + b"a" * 500_000)

    bother()
    before = plain.memory()
    bother()

    assert plain.memory() - before < 6 << 20


def _until_taken(gateway: GatewayProcess) -> None:
    # What was sent before these is read before they are answered.
    for _ in range(2):
        assert gateway.get("/health/live").status == 200


def _is_silent(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    return False


def _answer(gateway: GatewayProcess, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", gateway.port), 120) as connection:
        answer = b""
        try:
            connection.sendall(sent)
            # Some of the mistakes are told on a connection that would be kept; its first piece is enough.
            while part := connection.recv(65536):
                answer += part
                if b"\r\n\r\n" in answer:
                    break
        except (ConnectionResetError, BrokenPipeError):
            # The gateway did not read all of it; what it said lies in our buffer all the same.
            try:
                answer += connection.recv(65536)
            except ConnectionResetError:
                pass
        return answer
