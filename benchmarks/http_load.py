"""Load over HTTP from one process, and what it costs the processes that are asked."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """What came of asking for a while."""

    seconds: tuple[float, ...]
    failed: int

    def quantile(self, part: float) -> float:
        """Return the time within which a part of the answers came, in milliseconds."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(len(self.seconds) * part))] * 1000


def chat(said: str, key: str, *, stream: bool = False) -> bytes:
    """Return the bytes of a request."""
    body = {"model": "stub", "stream": stream, "messages": [{"role": "user", "content": said}], "temperature": 0.7}
    raw = json.dumps(body).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    return head.encode() + raw


class Caller(asyncio.Protocol):
    """Sends a request, and the next when the answer is whole."""

    def __init__(self, request: bytes, goes_on: Callable[[], bool], first_piece: Callable[[], None]) -> None:
        """Take what to send, until when, and whom to tell of a stream's first piece."""
        self.request, self.goes_on, self.first_piece = request, goes_on, first_piece
        self.over = asyncio.get_running_loop().create_future()
        self.seconds: list[float] = []
        self.failed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport: Any = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """See whether the answer is whole."""
        self.seen += data
        if self.wanted is None:
            head, end, _ = self.seen.partition(b"\r\n\r\n")
            if not end:
                return
            self.good = head.startswith(b"HTTP/1.1 200")
            length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), None)
            self.wanted = len(head) + 4 + int(length.split(b":")[1]) if length else 0
        if not self.wanted and b"data: " in self.seen:
            self.first_piece()
            # What was seen of a stream is not kept: the memory of whoever measures would count.
            self.seen = self.seen[-16:]
        if self.seen.endswith(b"\r\n0\r\n\r\n") if not self.wanted else len(self.seen) >= self.wanted:
            self._have_answer()

    def connection_lost(self, _: Exception | None) -> None:
        """Count what was broken off."""
        if not self.over.done():
            self.failed += 1
            self.over.set_result(None)

    def _have_answer(self) -> None:
        self.seconds.append(time.perf_counter() - self.began)
        self.failed += not self.good
        if self.goes_on():
            self._send()
        else:
            self.over.set_result(None)
            self.transport.close()

    def _send(self) -> None:
        self.seen, self.wanted, self.good = b"", None, False
        self.began = time.perf_counter()
        self.transport.write(self.request)

    seen: bytes
    wanted: int | None
    good: bool
    began: float


def ask(port: int, request: bytes, *, callers: int, requests: int) -> Load:
    """Ask by several callers at once, until all together have asked often enough."""

    async def run() -> Load:
        left = requests - callers

        def goes_on() -> bool:
            nonlocal left
            left -= 1
            return left >= 0

        loop = asyncio.get_running_loop()
        made = [
            (await loop.create_connection(lambda: Caller(request, goes_on, lambda: None), "127.0.0.1", port))[1]
            for _ in range(callers)
        ]
        await asyncio.wait_for(asyncio.gather(*(caller.over for caller in made)), 600)
        return Load(tuple(taken for caller in made for taken in caller.seconds), sum(one.failed for one in made))

    return asyncio.run(run())


def with_open_streams(port: int, request: bytes, streams: int, measure: Callable[[], float]) -> tuple[float, int]:
    """Return what is measured while streams are open that have all had their first piece, and how many had."""

    async def run() -> tuple[float, int]:
        begun: set[int] = set()
        loop = asyncio.get_running_loop()

        def caller(number: int) -> Caller:
            return Caller(request, lambda: False, lambda: begun.add(number))

        made = [await loop.create_connection(partial(caller, number), "127.0.0.1", port) for number in range(streams)]
        end = time.monotonic() + 60
        while len(begun) < streams and time.monotonic() < end:
            await asyncio.sleep(0.1)
        measured = measure()
        for transport, _ in made:
            transport.close()
        return measured, len(begun)

    return asyncio.run(run())


def family(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def processor_seconds(pid: int) -> float:
    """Return what a process and its descendants used of a processor so far."""
    ticks = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def memory(pid: int) -> float:
    """Return the memory of a process and its descendants in MiB; what they share counts once."""
    kilobytes = 0
    for member in family(pid):
        for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024


@contextmanager
def cost(pid: int) -> Iterator[Callable[[], float]]:
    """Give a function that tells, after the block, the processor seconds used in it."""
    before = processor_seconds(pid)
    used: list[float] = []
    yield lambda: used[0]
    used.append(processor_seconds(pid) - before)
