"""What is lost on the way to an engine: connections are tried again, requests are not."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from inference_gateway.engine_names import FRESH_SECONDS, KeepingResolver
from inference_gateway.engine_sockets import socket_maker
from inference_gateway.engines import CONNECTIONS, Engines
from inference_gateway.errors import EngineFailed, ModelNotReady
from inference_gateway.parsing import EngineCall
from inference_gateway.settings import Settings

from tests.conftest import base_settings
from tests.stub_engine import StubEngine


class Unreliable:
    """Makes sockets, the first of which come to nothing."""

    def __init__(self, losses: int) -> None:
        self.losses = losses
        self.made = 0

    def __call__(self, address: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
        self.made += 1
        if self.made <= self.losses:
            raise OSError("No way there.")
        return socket_maker(5)(address)


def asked(folder: Path, stub: StubEngine, sockets: Unreliable) -> bytes:
    """Ask the stub by these sockets, and return what it answered."""

    async def ask() -> bytes:
        return await answer_of(Settings.model_validate(base_settings(folder, stub)), sockets)

    return asyncio.run(ask())


async def answer_of(settings: Settings, sockets: Unreliable) -> bytes:
    """Ask the engine of these settings."""
    body: dict[str, Any] = {"model": "stub", "messages": []}
    engines = Engines(settings, sockets)
    await engines.open()
    try:
        call = EngineCall("chat", body, json.dumps(body).encode())
        return (await engines.answer("stub", call, {"content-type": "application/json"})).body
    finally:
        await engines.close()


@pytest.mark.parametrize("losses", [0, CONNECTIONS - 1])
def test_a_connection_that_cannot_be_made_is_tried_again(tmp_path: Path, stub: StubEngine, losses: int) -> None:
    sockets = Unreliable(losses)

    body = asked(tmp_path, stub, sockets)

    assert json.loads(body)["choices"]
    assert sockets.made == losses + 1


def test_a_model_that_no_connection_leads_to_is_not_ready(tmp_path: Path, stub: StubEngine) -> None:
    sockets = Unreliable(CONNECTIONS)

    with pytest.raises(ModelNotReady, match="stub"):
        asked(tmp_path, stub, sockets)

    assert sockets.made == CONNECTIONS


def test_a_request_that_was_sent_is_not_sent_again(tmp_path: Path, stub: StubEngine) -> None:
    heard: list[bytes] = []

    async def hear_and_fall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        writer.close()

    async def ask() -> None:
        async with await asyncio.start_server(hear_and_fall, "127.0.0.1", 0) as engine:
            settings = base_settings(tmp_path, stub)
            settings["models"]["stub"]["url"] = f"http://127.0.0.1:{engine.sockets[0].getsockname()[1]}"
            await answer_of(Settings.model_validate(settings), Unreliable(0))

    with pytest.raises(EngineFailed, match="before it answered"):
        asyncio.run(ask())

    assert heard == [b"POST /v1/chat/completions HTTP/1.1\r\n"]


def test_a_socket_gives_up_a_host_that_says_nothing() -> None:
    with socket_maker(5)((socket.AF_INET, socket.SOCK_STREAM, 0, "", ())) as made:
        options = [
            made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
            made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
        ]

    assert options == [1, 1, 5000]


class NameServer(AbstractResolver):
    """Says what it was given, while it answers."""

    def __init__(self, *said: str | Exception) -> None:
        self.said = list(said)
        self.silent = asyncio.Event()

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        if not self.said:
            await self.silent.wait()
        if isinstance(said := self.said.pop(0), Exception):
            raise said
        return [ResolveResult(hostname=host, host=said, port=port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (("192.0.2.1", "192.0.2.2"), "192.0.2.2"),
        (("192.0.2.1", OSError("No such name.")), "192.0.2.1"),
        (("192.0.2.1",), "192.0.2.1"),
    ],
    ids=["another address", "a name server that knows nothing", "a name server that does not answer"],
)
def test_what_a_name_meant_is_known_while_nobody_says_otherwise(said: tuple[str | Exception, ...], known: str) -> None:
    now = [0.0]

    async def ask_twice() -> str:
        names = KeepingResolver(NameServer(*said), lambda: now[0])
        await names.resolve("models.svc", 80)
        now[0] += FRESH_SECONDS + 1
        (found,) = await names.resolve("models.svc", 80)
        await names.close()
        return found["host"]

    assert asyncio.run(ask_twice()) == known


def test_a_name_that_was_said_lately_is_not_asked_for() -> None:
    async def ask_twice() -> list[str | Exception]:
        server = NameServer("192.0.2.1", "192.0.2.2")
        names = KeepingResolver(server, lambda: 0.0)
        await names.resolve("models.svc", 80)
        await names.resolve("models.svc", 80)
        return server.said

    assert asyncio.run(ask_twice()) == ["192.0.2.2"]


def test_a_name_that_never_meant_anything_is_told_of() -> None:
    async def ask() -> None:
        await KeepingResolver(NameServer(OSError("No such name."))).resolve("models.svc", 80)

    with pytest.raises(OSError, match="No such name"):
        asyncio.run(ask())
