"""Programs that tests start: the gateway as a pod runs it, a Valkey, engines."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import valkey
import yaml

HERE = Path(__file__).parent
# Either is what Debian calls it; they speak the same protocol.
SERVERS = ("valkey-server", "redis-server")


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(holds: Callable[[], bool], seconds: float = 120, every: float = 0.01) -> None:
    """Wait for something to hold; the bound only ends what hangs, and no test may depend on it."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited too long"
        time.sleep(every)


@dataclass
class Reply:
    """An answer of the gateway."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Stream:
    """An answer that comes in pieces."""

    response: http.client.HTTPResponse
    seen: bytes = b""

    def until(self, wanted: bytes) -> None:
        """Read until a line holds something."""
        line = b""
        while wanted not in line:
            line = self.response.readline()
            assert line, self.seen
            self.seen += line

    def rest(self) -> bytes:
        """Read to the end, and return all that came."""
        self.seen += self.response.read()
        return self.seen


@dataclass
class GatewayProcess:
    """One gateway, and how to ask it."""

    folder: Path
    settings: dict[str, Any]
    key: str = ""
    other_key: str = ""
    port: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    # Whether the test moves its clock: see `moved_clock`.
    moved: bool = False
    process: subprocess.Popen[bytes] | None = None
    _clock: socket.socket | None = None

    def start(self) -> GatewayProcess:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        config = self.folder / "config.yaml"
        config.write_text(yaml.safe_dump(self.settings))
        environment = {
            **os.environ,
            "PYTHONPATH": str(HERE.parent),
            "INFERENCE_GATEWAY_CONFIG": str(config),
            "INFERENCE_GATEWAY__SERVER__HOST": "127.0.0.1",
            "INFERENCE_GATEWAY__SERVER__PORT": str(self.port),
            **self.environment,
        }
        moved = ["-c", "from tests.moved_clock import main; main()"]
        program = moved if self.moved else ["-m", "inference_gateway", "serve"]
        self._clock, theirs = socket.socketpair()
        with (self.folder / "log").open("ab") as log, theirs:
            command = [sys.executable, "-W", "error", *program]
            self.process = subprocess.Popen(
                command, env=environment, stdin=theirs.fileno(), stdout=log, stderr=subprocess.STDOUT
            )
        # A second on a machine of its own; minutes on one that others keep busy.
        wait_until(self.is_ready, 180)
        return self

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        try:
            return self.get("/health/ready").status == 200
        except OSError:
            return False

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            # Where the clock stands, a drain would not end; Ctrl-C asks for none.
            self.process.send_signal(signal.SIGINT if self.moved else signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end, and return its code."""
        assert self.process is not None and self._clock is not None
        try:
            return self.process.wait(120)
        finally:
            self.process.kill()
            self._clock.close()

    def move(self, seconds: float) -> None:
        """Move its clock ahead, and wait until it has done what became due."""
        assert self.moved and self._clock is not None
        self._clock.sendall(f"{seconds}\n".encode())
        assert self._clock.recv(64) == b"moved\n", self.log()

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = (json.loads(line) for line in self.log().splitlines() if line.startswith("{"))
        return [line for line in lines if line.get("event") == name]

    def memory(self) -> int:
        """Return the resident memory, in bytes."""
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def get(self, path: str, key: str | None = None) -> Reply:
        return self.ask("GET", path, None, key)

    def post(self, path: str, body: object, key: str | None = None, **headers: str) -> Reply:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, raw, key, headers)

    def chat(self, said: str | dict[str, Any] = "hello", key: str | None = None, **more: Any) -> Reply:
        content = said if isinstance(said, str) else json.dumps(said)
        body = {"model": "stub", "messages": [{"role": "user", "content": content}], **more}
        return self.post("/v1/chat/completions", body, key)

    @contextmanager
    def streaming(self, orders: dict[str, Any]) -> Iterator[Stream]:
        """Ask for a stream and give it to be read piece by piece."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        body = {"model": "stub", "stream": True, "messages": [{"role": "user", "content": json.dumps(orders)}]}
        try:
            connection.request(
                "POST", "/v1/chat/completions", json.dumps(body), {"Authorization": f"Bearer {self.key}"}
            )
            yield Stream(connection.getresponse())
        finally:
            connection.close()

    def ask(
        self, method: str, path: str, raw: bytes | None, key: str | None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            authorization = {"Authorization": f"Bearer {key or self.key}"}
            connection.request(method, path, raw, {**authorization, **(headers or {})})
            response = connection.getresponse()
            return Reply(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        finally:
            connection.close()

    def metric(self, line: str) -> float:
        """Return a metric's value by its name and labels; 0 where it is not there."""
        for found in self.get("/metrics").raw.decode().splitlines():
            if found.startswith(line + " "):
                return float(found.rpartition(" ")[2])
        return 0


class ValkeyProcess:
    """A real server on loopback, that can be killed and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        found = [path for name in SERVERS if (path := shutil.which(name))]
        assert found, "These tests need a Valkey: install the package valkey-server or redis-server."
        self._program, self._folder, self.port = found[0], folder, free_port()
        self._options = options or ("--port", str(self.port))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"valkey://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        common = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        command = [self._program, *self._options, *common]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(60)

    def ask(self, *words: str | int) -> Any:
        """Give it a command of a test."""
        with valkey.Valkey(port=self.port) as client:
            return client.execute_command(*words)

    def calls(self, command: str) -> int:
        """Return how often a command was given by anybody."""
        found = self.ask("INFO", "commandstats").get(f"cmdstat_{command}")
        return int(found["calls"]) if found else 0

    def freeze(self) -> None:
        """Let it take connections and answer none, as a host without power does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 60) as connection:
                connection.sendall(b"PING\r\n")
                # One that speaks TLS only closes the connection: it is there.
                return "--tls-port" in self._options or connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


class RealEngine:
    """llama.cpp with a tiny model, as the platform serves it."""

    def __init__(self, folder: Path, name: str, seed: int, *options: str) -> None:
        model, module = folder / f"{name}.gguf", [sys.executable, "-m", "llamacpp_server"]
        known = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "llamacpp_server")}
        subprocess.run([*module, "write-tiny-model", model, "--seed", str(seed)], check=True, timeout=300, env=known)
        self._log = (folder / f"{name}.log").open("wb")
        slots = ["--ctx-size", "65536", "--parallel", "2", "--threads-http", "4", "--drain-seconds", "0"]
        self._process = subprocess.Popen(
            [*module, "--model", model, "--alias", name, "--port", "0", *slots, *options],
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=known,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline().decode()
        self.url = said.rpartition(" ")[2].rstrip(".\n")
        assert self.url.startswith("http://127.0.0.1:"), said

    def slots(self) -> list[dict[str, Any]]:
        """Return what the engine works on, or worked on last."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=120)
        try:
            connection.request("GET", "/slots")
            found: list[dict[str, Any]] = json.loads(connection.getresponse().read())
            return found
        finally:
            connection.close()

    def stop(self) -> None:
        assert self._process.stdout is not None
        self._process.terminate()
        self._process.wait(60)
        self._process.stdout.close()
        self._log.close()
