"""A gateway that is told to leave loses nobody's request."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections import Counter

from tests.conftest import Start
from tests.processes import GatewayProcess, free_port, wait_until
from tests.stub_engine import StubEngine


class Balancer:
    """Hands connections to gateways that say they are ready, as a Service does; it knows nothing of requests."""

    def __init__(self, ports: list[int]) -> None:
        self.port, self.ports = free_port(), ports
        self.ready: list[int] = list(ports)
        self.open: Counter[int] = Counter()
        self._next = 0
        self._told = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Balancer:
        self._thread.start()
        assert self._told.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop and self._stop
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connect, "127.0.0.1", self.port, backlog=512)
        probing = asyncio.create_task(self._probe())
        self._told.set()
        await self._stop.wait()
        server.close()
        others = [probing, *(task for task in asyncio.all_tasks() if task not in (probing, asyncio.current_task()))]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _probe(self) -> None:
        while True:
            ready = [port for port in self.ports if await _is_ready(port)]
            self.ready = ready or self.ready
            await asyncio.sleep(0.1)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._next += 1
        port = self.ready[self._next % len(self.ready)]
        self.open[port] += 1
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_pump(reader, to_writer), _pump(to_reader, writer))
        except OSError:
            writer.close()
        finally:
            self.open[port] -= 1

    def has_turned_from(self, port: int) -> bool:
        """Whether nobody is or will be sent to a gateway."""
        return port not in self.ready and not self.open[port]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def _is_ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()


class Caller(threading.Thread):
    """Asks over one connection again and again, without ever trying a second time."""

    def __init__(self, port: int, key: str, ending: threading.Event) -> None:
        super().__init__(daemon=True)
        self._port, self._ending = port, ending
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.outcomes: Counter[str] = Counter()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        number = 0
        while not self._ending.is_set():
            number += 1
            stream = number % 5 == 0
            content = json.dumps({"gap": 0.01} if stream else {"delay": 0.002})
            body = {"model": "stub", "stream": stream, "messages": [{"role": "user", "content": content}]}
            try:
                connection.request("POST", "/v1/chat/completions", json.dumps(body), self._headers)
                response = connection.getresponse()
                raw = response.read()
                whole = raw.endswith(b"data: [DONE]\n\n") if stream else b'"choices"' in raw
                self.outcomes["good" if response.status == 200 and whole else f"{response.status} {raw[:80]!r}"] += 1
            except (OSError, http.client.HTTPException) as error:
                self.outcomes[repr(error)] += 1
                connection.close()
        connection.close()


def test_a_rolling_restart_under_load_loses_no_request(start: Start) -> None:
    gateways = [start(name=f"gateway{number}", moved=True, server={"drain_seconds": 600}) for number in range(2)]
    ending = threading.Event()

    with Balancer([gateway.port for gateway in gateways]) as balancer:
        callers = [Caller(balancer.port, gateways[0].key, ending) for _ in range(12)]
        for caller in callers:
            caller.start()
        try:
            for gateway in gateways:
                _leave(gateway, balancer)
                gateway.start()
                wait_until(lambda: gateway.port in balancer.ready)  # noqa: B023
            wait_until(lambda: sum(caller.outcomes.total() for caller in callers) > 2500, 600)
        finally:
            ending.set()
        for caller in callers:
            caller.join(120)

    outcomes = sum((caller.outcomes for caller in callers), Counter())
    assert set(outcomes) == {"good"}, outcomes
    assert outcomes["good"] > 2500


def _leave(gateway: GatewayProcess, balancer: Balancer) -> None:
    assert gateway.process is not None
    gateway.process.terminate()
    # Callers are sent away by its answers alone; only a machine of its own is that quick in any given time.
    wait_until(lambda: balancer.has_turned_from(gateway.port))
    gateway.move(601)
    assert gateway.wait() == 0


def test_a_gateway_that_drains_says_so_and_goes_on(start: Start) -> None:
    gateway = start(moved=True, server={"drain_seconds": 600})
    assert gateway.process is not None
    assert "connection" not in gateway.chat().headers

    gateway.process.terminate()
    wait_until(lambda: gateway.get("/health/ready").status == 503)
    reply = gateway.chat()

    assert gateway.get("/health/live").status == 200
    assert reply.status == 200
    assert reply.headers["connection"] == "close"
    assert gateway.process.poll() is None
    gateway.move(601)
    assert gateway.wait() == 0


def test_a_long_answer_is_waited_for(start: Start, stub: StubEngine) -> None:
    gateway = start(server={"drain_seconds": 0})
    assert gateway.process is not None

    with gateway.streaming({"hold": "long", "hold_before": 2}) as stream:
        stream.until(b"piece 1")
        gateway.process.terminate()
        wait_until(lambda: not _takes_connections(gateway.port))
        running = gateway.process.poll() is None
        stub.let_go("long")
        raw = stream.rest()

    assert running
    assert raw.endswith(b"data: [DONE]\n\n")
    assert gateway.wait() == 0


def _takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 60).close()
    except OSError:
        return False
    return True
