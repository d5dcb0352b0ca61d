"""Measure the inference gateway beside others, before the same stub engine: `python benchmarks/gateway.py`.

Requests per second and core are requests by processor seconds of the gateway's processes: neither the load, nor the
stub, nor a neighbour on the machine counts. Added latency is against the stub asked directly. What cannot be installed
from the package registry is named and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.http_load import Load, ask, chat, cost, memory, with_open_streams
from installer.cli.console import table

Command = list[str | Path]

SERVICE = Path(__file__).resolve().parents[1] / "services" / "inference_gateway"
STUB = SERVICE / "tests" / "stub_engine.py"
KEY = "sk-benchmark"
PIECES = 200


@dataclass(frozen=True)
class Contender:
    """A gateway to measure: what it is made of, and how it is started."""

    name: str
    requirements: tuple[str, ...]
    command: Callable[[Path, Path, int, int], Command]
    environment: dict[str, str] = field(default_factory=dict)


def ours(environment: Path, folder: Path, port: int, engine: int) -> Command:
    """Return how ours is started, with its limits, keys, metrics and a line of log for each request."""
    config = {
        "models": {"stub": {"url": f"http://127.0.0.1:{engine}"}},
        "tenants": {"benchmark": {}},
        "limits": {"requests": 10**9, "replicas": 1},
        "files": {"keys": str(folder / "keys.json")},
        "server": {"host": "127.0.0.1", "port": port},
        "timeouts": {"idle_seconds": 120, "first_token_seconds": 120},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return [environment / "bin/python", "-m", "inference_gateway", "serve"]


def litellm(environment: Path, folder: Path, port: int, engine: int) -> Command:
    """Return how LiteLLM is started: one worker, one key, no database."""
    model = {"model": "openai/stub", "api_base": f"http://127.0.0.1:{engine}/v1", "api_key": "none"}
    config = {
        "model_list": [{"model_name": "stub", "litellm_params": model}],
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"telemetry": False, "num_retries": 0, "request_timeout": 120},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command: Command = [environment / "bin/litellm", "--config", folder / "config.yaml", "--host", "127.0.0.1"]
    return [*command, "--port", str(port), "--num_workers", "1", "--telemetry", "False"]


def vllm_router(environment: Path, _: Path, port: int, engine: int) -> Command:
    """Return how vllm-router is started: it balances and retries, and knows neither limits nor tenants."""
    command: Command = [
        environment / "bin/vllm-router",
        "--worker-urls",
        f"http://127.0.0.1:{engine}",
        "--host",
        "127.0.0.1",
    ]
    ports = ["--port", str(port), "--prometheus-port", str(free_port())]
    return [*command, *ports, "--policy", "round_robin", "--log-level", "error"]


CONTENDERS = (
    Contender("inference_gateway", ("--require-hashes", "-r", str(SERVICE / "requirements.txt")), ours,
              {"PYTHONPATH": str(SERVICE), "PYTHONDONTWRITEBYTECODE": "1"}),
    Contender("LiteLLM proxy", ("litellm[proxy]==1.108.7",), litellm,
              {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "NO_DOCS": "True"}),
    Contender("vllm-router", ("vllm-router==0.1.17",), vllm_router),
)  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """What was measured of one contender."""

    per_core: float
    events_per_core: float
    whole: Load
    at_rest: float
    per_thousand: float
    streams: int
    failed: int


def made_environment(contender: Contender, folder: Path) -> Path | None:
    """Return a virtual environment of its own, made at the first use; None where the registry has not what it needs."""
    path = folder / contender.name.split()[0].lower()
    if not (path / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", path], check=True)
        install: Command = [
            path / "bin/pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
        ]
        if subprocess.run([*install, *contender.requirements], check=False).returncode:
            return None
        (path / "made").touch()
    return path


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: Command, log: Path, environment: dict[str, str]) -> Iterator[int]:
    """Run a program for the block, and give its process."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment})
        try:
            yield process.pid
        finally:
            process.terminate()
            try:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(20)
            finally:
                # A signal may break the wait off, too.
                process.kill()
                process.wait()


def wait_for(port: int, request: bytes, seconds: float) -> None:
    """Wait until a request is answered well."""
    end = time.monotonic() + seconds
    while True:
        try:
            if not ask(port, request, callers=1, requests=1).failed:
                return
        except (OSError, TimeoutError):
            pass
        if time.monotonic() > end:
            raise SystemExit(f"Nothing answered at port {port} within {seconds:g} s; its log is kept.")
        time.sleep(0.5)


def measured(port: int, pid: int, key: str, requests: int, streams: int) -> Figures:
    """Measure one contender that is running."""
    whole, bits = chat("hello", key), chat(json.dumps({"pieces": PIECES}), key, stream=True)
    opened = chat(json.dumps({"pieces": 2, "gap": 90}), key, stream=True)
    ask(port, whole, callers=8, requests=requests // 5)
    ask(port, bits, callers=8, requests=16)
    with cost(pid) as used:
        busy = ask(port, whole, callers=16, requests=requests)
    with cost(pid) as used_by_streams:
        flowing = ask(port, bits, callers=8, requests=max(16, requests // 20))
    alone = ask(port, whole, callers=1, requests=requests // 4)
    at_rest = memory(pid)
    full, open_streams = with_open_streams(port, opened, streams, lambda: memory(pid))
    return Figures(
        requests / used(),
        max(16, requests // 20) * PIECES / used_by_streams(),
        alone,
        at_rest,
        (full - at_rest) / max(1, open_streams) * 1000,
        open_streams,
        busy.failed + flowing.failed + alone.failed,
    )


def benchmark(contender: Contender, environment: Path, engine: int, requests: int, streams: int) -> Figures:
    """Start a contender before the stub and measure it."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, ExitStack() as stack:
        folder, port, key = Path(name), free_port(), KEY
        command = contender.command(environment, folder, port, engine)
        variables = {**contender.environment, "INFERENCE_GATEWAY_CONFIG": str(folder / "config.yaml")}
        if contender.command is ours:
            create: Command = [environment / "bin/python", "-m", "inference_gateway", "keys", "create", "benchmark"]
            made = subprocess.run(create, env=variables, check=True, capture_output=True, text=True)
            key = made.stdout.strip()
        pid = stack.enter_context(running(command, folder.with_suffix(".log"), variables))
        wait_for(port, chat("hello", key), 180)
        return measured(port, pid, key, requests, streams)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--environments", type=Path, default=Path(tempfile.gettempdir()) / "gateway-benchmark")
    options = parser.parse_args()
    # Who is ended ends what it started.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    options.environments.mkdir(parents=True, exist_ok=True)
    made = {contender.name: made_environment(contender, options.environments) for contender in CONTENDERS}
    own = made["inference_gateway"]
    if own is None:
        raise SystemExit("The gateway's own packages cannot be installed.")
    engine = free_port()
    with running([own / "bin/python", STUB, str(engine)], options.environments / "stub.log", {}):
        wait_for(engine, chat("hello", KEY), 20)
        direct = ask(engine, chat("hello", KEY), callers=1, requests=options.requests // 4)
        rows = []
        for contender in CONTENDERS:
            if (environment := made[contender.name]) is None:
                rows.append((contender.name, "cannot be installed", *[""] * 7))
                continue
            figures = benchmark(contender, environment, engine, options.requests, options.streams)
            rows.append(row(contender.name, figures, direct))
    heads = ("gateway", "requests/s per core", "events/s per core", "added p50 ms", "added p99 ms", "MiB at rest",
             "MiB per 1000 streams", "streams open", "failed")  # fmt: skip
    print(table(heads, rows))


def row(name: str, figures: Figures, direct: Load) -> tuple[str, ...]:
    """Return a contender's line of the table."""
    added = [figures.whole.quantile(part) - direct.quantile(part) for part in (0.5, 0.99)]
    return (
        name,
        f"{figures.per_core:.0f}",
        f"{figures.events_per_core:.0f}",
        *(f"{one:.2f}" for one in added),
        f"{figures.at_rest:.0f}",
        f"{figures.per_thousand:.0f}",
        str(figures.streams),
        str(figures.failed),
    )


if __name__ == "__main__":
    main()
