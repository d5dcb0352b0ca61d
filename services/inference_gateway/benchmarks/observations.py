"""Measure what it costs the inference gateway to count how a request is, in microseconds of its one thread.

    .venv.inference_gateway/bin/python services/inference_gateway/benchmarks/observations.py

No gateway and no engine runs for it. The environment is the one that `services/inference_gateway/tests/run` makes.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from inference_gateway.answers import Usage
from inference_gateway.exchange import Exchange
from inference_gateway.metrics import Metrics
from inference_gateway.observations import Observations
from inference_gateway.origin import Origin
from inference_gateway.parsing import EngineCall
from inference_gateway.samples import HEAD_BYTES, sample_of
from inference_gateway.settings import Offer, Settings
from inference_gateway.traces import Span

ROUNDS, REQUESTS = 25, 200
SETTINGS = {"models": {"m": {"url": "http://m", "version": "1.0.0", "offers": ["chat", "embeddings"]}}}
ENGLISH = "Please write a letter to the insurance, and say what the doctor has told my mother about the treatment. "
GERMAN = "Bitte schreibe für die Versicherung, was der Arzt meiner Mutter über die Behandlung gesagt hat. "
CHINESE = "请给保险公司写一封信，说明医生对我母亲的治疗意见。"  # noqa: RUF001 (its own signs)
ANSWER = "The letter that you asked for should say at its beginning who writes it, and to whom. " * 10


def observed(offer: Offer, body: dict[str, Any], answer: dict[str, Any] | bytes) -> Callable[[], None]:
    """Return what does all that counting adds to one request: looking at the answer, and then both."""
    observations = Observations(Metrics(), Settings.model_validate(SETTINGS))
    exchange = Exchange("id", offer, {}, Span(), status=200, origin=Origin("m", "1.0.0", "stable"), usage=Usage(99, 99))
    exchange.call = EngineCall(offer, body, json.dumps(body).encode())
    if isinstance(answer, bytes):
        exchange.stream_head = answer[:HEAD_BYTES]
        return lambda: observations.observe(exchange)

    def one() -> None:
        exchange.sample = sample_of(answer, 1)
        observations.observe(exchange)

    return one


def chat(text: str, size: int) -> dict[str, Any]:
    """Return a question of so many characters."""
    return {"messages": [{"role": "user", "content": (text * (size // len(text) + 1))[:size]}]}


def cases() -> dict[str, Callable[[], None]]:
    """Return what is measured, by name."""
    whole = {"choices": [{"message": {"content": ANSWER}, "finish_reason": "stop"}]}
    piece = {"id": "chatcmpl-0123456789", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    stream = b"".join(
        b"data: "
        + json.dumps({**piece, "choices": [{"index": 0, "delta": {"content": f"{word} "}}]}).encode()
        + b"\n\n"
        for word in ANSWER.split()
    )

    def vector(dimensions: int) -> Callable[[], None]:
        numbers = [random.gauss(0, 1) for _ in range(dimensions)]
        return observed("embeddings", {"input": ENGLISH}, {"data": [{"embedding": numbers}]})

    return {
        "chat, 100 characters": observed("chat", chat(ENGLISH, 100), whole),
        "chat, 100 000 characters": observed("chat", chat(ENGLISH, 100_000), whole),
        "chat, German": observed("chat", chat(GERMAN, 2000), whole),
        "chat, Chinese": observed("chat", chat(CHINESE, 2000), whole),
        "stream": observed("chat", chat(ENGLISH, 2000), stream),
        "vector of 384": vector(384),
        "vector of 1024": vector(1024),
        "vector of 4096": vector(4096),
    }


def main() -> None:
    """Print the table."""
    print(f"{'request':26}{'median µs':>10}{'quickest':>10}{'slowest':>10}")
    for name, once in cases().items():
        once()
        times = []
        for _ in range(ROUNDS):
            began = time.process_time()
            for _ in range(REQUESTS):
                once()
            times.append((time.process_time() - began) / REQUESTS * 1e6)
        print(f"{name:26}{statistics.median(times):10.1f}{min(times):10.1f}{max(times):10.1f}")


if __name__ == "__main__":
    main()
