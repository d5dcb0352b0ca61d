"""A stand-in for an engine, for faults that a real one does not have at will. It answers nothing of sense.

What it does is said in the last message (or prompt) as JSON: `{"delay": 5}`. See `Orders`.

    python stub_engine.py PORT      a stub by itself, for benchmarks
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import httptools

WHOLE = {
    "id": "chatcmpl-stub", "object": "chat.completion", "created": 1, "model": "stub",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "one two three"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
}  # fmt: skip
PIECE = {"id": "chatcmpl-stub", "object": "chat.completion.chunk", "created": 1, "model": "stub"}


@dataclass
class Orders:
    """How one request is answered."""

    delay: float = 0
    gap: float = 0
    pieces: int = 3
    status: int = 200
    text: str = "one two three"
    break_after: int | None = None
    # Waits until the test lets it go on by this name: with its answer, or with each piece from this one on.
    hold: str = ""
    hold_before: int | None = None
    done: bool = True
    usage: bool = True
    garbage: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def orders_of(body: dict[str, Any]) -> Orders:
    """Return the orders of a request; what is no JSON is a prompt."""
    messages = body.get("messages")
    said = messages[-1]["content"] if messages else body.get("prompt") or body.get("input")
    try:
        return Orders(**json.loads(said)) if isinstance(said, str) and said.startswith("{") else Orders()
    except ValueError:
        return Orders()


class StubEngine:
    """The engine, and what it has seen."""

    def __init__(self) -> None:
        self.active = self.begun = self.cancelled = self.held = 0
        self._gates: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(0))
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.remembers = True
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, port: int = 0, told: threading.Event | None = None) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", port, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        if told:
            told.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    def start(self, port: int = 0) -> None:
        told = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve(port, told)), daemon=True)
        self._thread.start()
        assert told.wait(60)

    def stop(self) -> None:
        assert self._loop and self._stop and self._thread
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    async def gate(self, name: str) -> None:
        """Wait until a test lets one go on."""
        self.held += 1
        try:
            await self._gates[name].acquire()
        finally:
            self.held -= 1

    def let_go(self, name: str) -> None:
        """Let one go on that is held by this name, or the next that will be."""
        assert self._loop
        self._loop.call_soon_threadsafe(lambda: self._gates[name].release())


class _Connection(asyncio.Protocol):
    def __init__(self, engine: StubEngine) -> None:
        self.engine = engine
        self.parser = httptools.HttpRequestParser(self)
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.task is not None and not self.task.done():
            self.engine.cancelled += 1
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.url = self.body = b""
        self.headers: dict[str, str] = {}

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if self.url == b"/health":
            self._whole(200, {})
            return
        if self.url == b"/v1/models":
            self._whole(200, {"object": "list", "data": [{"id": "stub", "object": "model"}]})
            return
        self.task = asyncio.ensure_future(self._answer(json.loads(self.body)))

    async def _answer(self, body: dict[str, Any]) -> None:
        engine = self.engine
        engine.active += 1
        engine.begun += 1
        if engine.remembers:
            engine.bodies.append(body)
            engine.headers.append(self.headers)
        try:
            orders = orders_of(body)
            if orders.delay:
                await asyncio.sleep(orders.delay)
            if orders.hold and orders.hold_before is None:
                await engine.gate(orders.hold)
            if orders.status != 200:
                self._whole(orders.status, {"error": {"message": "as ordered", "code": orders.status}}, orders.headers)
            elif orders.garbage:
                self._whole(200, "no object", orders.headers)
            elif self.url == b"/v1/embeddings":
                self._whole(200, _vectors(body), orders.headers)
            elif body.get("stream"):
                await self._stream(body, orders)
            else:
                choice = {"index": 0, "message": {"role": "assistant", "content": orders.text}, "text": orders.text}
                self._whole(200, {**WHOLE, "choices": [choice]}, orders.headers)
        finally:
            engine.active -= 1

    def _whole(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(content).encode()
        head = f"HTTP/1.1 {status} Ordered\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n"
        self.transport.write(head.encode() + _lines(headers) + b"\r\n" + raw)

    async def _stream(self, body: dict[str, Any], orders: Orders) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
        self.transport.write(head + _lines(orders.headers) + b"\r\n")
        for number in range(orders.pieces):
            if orders.break_after == number:
                self.transport.close()
                return
            if orders.hold_before is not None and number >= orders.hold_before:
                await self.engine.gate(orders.hold)
            if number and orders.gap:
                await asyncio.sleep(orders.gap)
            delta = {"index": 0, "delta": {"content": f"piece {number} "}, "finish_reason": None}
            self._event({**PIECE, "choices": [delta]})
        if orders.usage and (body.get("stream_options") or {}).get("include_usage"):
            self._event({**PIECE, "choices": [], "usage": WHOLE["usage"]})
        if orders.done:
            self._chunk(b"data: [DONE]\n\n")
        self.transport.write(b"0\r\n\r\n")

    def _event(self, content: object) -> None:
        self._chunk(b"data: " + json.dumps(content).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.transport.write(b"%x\r\n%s\r\n" % (len(data), data))


def _lines(headers: dict[str, str] | None) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items()).encode()


def _vectors(body: dict[str, Any]) -> dict[str, Any]:
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [{"object": "embedding", "index": number, "embedding": [0.5, 0.25]} for number in range(len(inputs))]
    return {"object": "list", "data": data, "model": "stub", "usage": {"prompt_tokens": 2, "total_tokens": 2}}


if __name__ == "__main__":
    alone = StubEngine()
    alone.remembers = False
    asyncio.run(alone.serve(int(sys.argv[1])))
