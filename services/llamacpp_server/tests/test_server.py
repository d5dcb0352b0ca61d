"""The server, as a pod runs it: a process, asked over HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from llamacpp_server.tiny_model import write_model

MODULE = [sys.executable, "-B", "-m", "llamacpp_server"]


class Served:
    """A server that runs, and where it answers."""

    def __init__(self, model: Path, *arguments: str) -> None:
        command = [*MODULE, "--model", str(model), "--alias", "tiny", "--port", "0", "--metrics", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        said = next(line for line in self.process.stdout if line.startswith("tiny is served at "))
        self.address = said.removeprefix("tiny is served at ").rstrip(".\n")

    def get(self, path: str) -> str:
        with urlopen(self.address + path, timeout=60) as answer:
            return str(answer.read().decode())

    def ask(self, text: str, tokens: int = 16) -> str:
        body: dict[str, Any] = {
            "model": "tiny", "messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": tokens,
            "ignore_eos": True,
        }  # fmt: skip
        request = Request(
            self.address + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urlopen(request, timeout=120) as answer:
            return str(json.load(answer)["choices"][0]["message"]["content"])

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=120)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    write_model(tmp_path / "tiny.gguf", 1)
    server = Served(tmp_path / "tiny.gguf", "--parallel", "2", "--ctx-size", "16384")
    yield server
    server.kill()


def test_the_contract_of_engines_is_kept(served: Served) -> None:
    assert json.loads(served.get("/health"))["status"] == "ok"
    assert [model["id"] for model in json.loads(served.get("/v1/models"))["data"]] == ["tiny"]
    assert "llamacpp:requests_processing" in served.get("/metrics")


def test_an_answer_is_the_same_each_time_and_differs_by_seed(served: Served, tmp_path: Path) -> None:
    write_model(tmp_path / "other.gguf", 2)
    other = Served(tmp_path / "other.gguf")
    try:
        answers = {served.ask("hello"), served.ask("hello")}
        others = {other.ask("hello")}
    finally:
        other.kill()

    assert len(answers) == 1
    assert answers != others


def test_an_answer_that_runs_is_finished_before_the_process_ends(served: Served) -> None:
    found: list[str] = []
    asked = threading.Thread(target=lambda: found.append(served.ask("hello", tokens=6000)))
    asked.start()
    while not any(slot["is_processing"] for slot in json.loads(served.get("/slots"))):
        assert asked.is_alive(), "the answer ended before anybody looked"

    code = served.end()
    asked.join(timeout=60)

    assert code == 0
    assert len(found) == 1


def test_equal_seeds_give_equal_files(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        subprocess.run([*MODULE, "write-tiny-model", str(tmp_path / name), "--seed", str(seed)], check=True)

    one, again, two = ((tmp_path / name).read_bytes() for name in ("one", "again", "two"))
    assert one == again
    assert one != two


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.gguf"

    done = subprocess.run(
        [*MODULE, "--model", str(missing), "--alias", "tiny"], check=False, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert str(missing) in done.stderr


def test_a_damaged_model_is_not_served(tmp_path: Path) -> None:
    path = tmp_path / "damaged.gguf"
    write_model(path, 1)
    path.write_bytes(path.read_bytes()[:1000])

    done = subprocess.run(
        [*MODULE, "--model", str(path), "--alias", "tiny"], check=False, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 1
    assert str(path) in done.stderr
