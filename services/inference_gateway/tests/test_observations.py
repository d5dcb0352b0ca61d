"""What questions and answers are like is counted in bins, and nothing else is kept or told of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from inference_gateway.answers import Usage
from inference_gateway.exchange import Exchange
from inference_gateway.metrics import Metrics
from inference_gateway.observations import MOST_VERSIONS, Observations
from inference_gateway.origin import Origin
from inference_gateway.parsing import call_for, parse
from inference_gateway.samples import HEAD_BYTES, asked_text, sample_of, sample_of_stream
from inference_gateway.settings import Settings
from inference_gateway.traces import Span

from tests.conftest import Start
from tests.processes import GatewayProcess, wait_until
from tests.stub_engine import StubEngine

SETTINGS = Settings.model_validate(
    {
        "models": {
            "chat": {"url": "http://chat", "version": "1.0.0", "canary": {"version": "1.1.0"}},
            "vectors": {"url": "http://vectors", "version": "2.0.0", "offers": ["embeddings"]},
        }
    }
)
QUESTION = "What is the best way to write a letter to the doctor of my mother?"
APOLOGY = "I'm sorry, but I can't help with that."


class Counted:
    """Observes requests, and says what was counted."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.observations = Observations(self.metrics, SETTINGS)

    def see(self, body: dict[str, Any], answer: dict[str, Any] | bytes, **known: Any) -> None:
        operation = "embeddings" if "input" in body else "chat"
        question = parse(operation, json.dumps(body).encode())  # type: ignore[arg-type]
        model = SETTINGS.models[body["model"]]
        exchange = Exchange("id", operation, {}, Span())
        exchange.status = 200
        exchange.call = call_for(question, model, body["model"])
        exchange.origin = Origin(body["model"], model.version, "stable")
        exchange.usage = Usage(300, 20)
        if isinstance(answer, bytes):
            exchange.stream_head = answer
        else:
            exchange.sample = sample_of(answer, 0)
        for name, value in known.items():
            setattr(exchange, name, value)
        self.observations.observe(exchange)

    def bins(self) -> dict[str, str]:
        """Return what is not 0, by statistic."""
        return {entry["statistic"]: entry["bin"] for entry, value in self._samples() if value}

    def versions(self) -> set[str]:
        return {entry["version"] for entry, _ in self._samples()}

    def failed(self) -> float:
        return float(self.metrics.not_observed._value.get())

    def _samples(self) -> list[tuple[dict[str, str], float]]:
        (family,) = self.metrics.observed.collect()
        return [(sample.labels, sample.value) for sample in family.samples if sample.name == "aip_observed_total"]


@pytest.fixture
def counted() -> Counted:
    return Counted()


def asked(text: str = QUESTION) -> dict[str, Any]:
    return {"model": "chat", "messages": [{"role": "user", "content": text}]}


def said(text: str | None, **message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text, **message}}]}


def event(content: str, **more: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": content}, **more}]}).encode() + b"\n\n"


def test_a_question_and_its_answer_are_counted_once_in_each_statistic(counted: Counted) -> None:
    counted.see(asked(), said("Dear doctor,"))

    assert counted.bins() == {
        "input_tokens": "512",
        "output_tokens": "32",
        "language": "english",
        "answer": "answered",
    }


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said(APOLOGY), "refused"),
        (said(None, refusal="No."), "refused"),
        ({"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}, "refused"),
        (said(None, tool_calls=[{}]), "no text"),
        ({"choices": [{"text": "goes on"}]}, "answered"),
        (event("I'm sorry, ") + event("but I can't help you.") + b"data: [DONE]\n\n", "refused"),
        (event("Dear ") + event("doctor,") + b'data: {"choices": [{"ind', "answered"),
        (b'data: {"choices": [{"ind', "no text"),
        (event("", finish_reason="content_filter"), "refused"),
        (b'data: {"choices":[{"index":0,"text":"I cannot "}]}\n\ndata: {"choices":[{"text":"help"}]}', "refused"),
        (b"data: [DONE]\n\n", "no text"),
    ],
)
def test_how_it_was_answered_is_told_by_the_beginning(counted: Counted, answer: Any, kind: str) -> None:
    counted.see(asked(), answer)

    assert (counted.bins()["answer"], counted.failed()) == (kind, 0)


def test_of_several_answers_in_a_stream_none_is_looked_at(counted: Counted) -> None:
    counted.see({**asked(), "n": 2, "stream": True}, event("I'm sorry, ") + event("Dear ", index=1))

    assert "answer" not in counted.bins()


def test_a_stream_whose_text_looks_like_events_is_read_as_text() -> None:
    trap = 'He said: {"content": "x", "finish_reason": "content_filter", "refusal": "no"} \\ and left'

    found = sample_of_stream(event(trap) + event(" 🙂"))

    assert (found.start, found.refused) == (f"{trap} 🙂", False)


def test_an_answer_that_is_given_again_is_no_new_answer(counted: Counted) -> None:
    counted.see(asked(), said("Dear doctor,"), cache="hit")

    assert set(counted.bins()) == {"input_tokens", "language"}


@pytest.mark.parametrize("known", [{"status": 502}, {"status": 499}, {"call": None}])
def test_what_was_not_answered_is_not_counted(counted: Counted, known: dict[str, Any]) -> None:
    counted.see(asked(), said("Dear"), **known)

    assert (counted.bins(), counted.failed()) == ({}, 0)


def test_a_stream_that_tells_no_usage_has_no_length(counted: Counted) -> None:
    counted.see(asked(), event("Dear"), usage=Usage(0, 7), estimated=True)

    assert set(counted.bins()) == {"language", "answer"}


def test_counters_are_there_from_the_start_so_that_the_first_request_is_an_increase(counted: Counted) -> None:
    (family,) = counted.metrics.observed.collect()
    beginnings = [sample for sample in family.samples if sample.name == "aip_observed_total"]

    assert {sample.value for sample in beginnings} == {0}
    assert {sample.labels["version"] for sample in beginnings} == {"1.0.0", "1.1.0", "2.0.0"}
    assert {s.labels["model"] for s in beginnings if s.labels["statistic"].startswith("vector_")} == {"vectors"}


def test_an_engine_that_names_a_new_version_each_time_fills_no_memory(counted: Counted) -> None:
    for number in range(200):
        counted.see(asked(), said("Dear"), origin=Origin("chat", f"version {number}", "stable"))

    assert len(counted.versions()) <= MOST_VERSIONS + 2
    assert "other" in counted.versions()


@pytest.mark.parametrize(
    "answer", [{"choices": ["no choice"]}, {"choices": 7}, {"data": ["no vector"]}, {"data": [{"embedding": "!"}]}]
)
def test_an_answer_of_an_unknown_shape_fails_nothing(
    counted: Counted, answer: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    counted.see(asked("a secret of the patient"), answer)

    assert counted.failed() == 1
    assert "secret" not in caplog.text
    assert caplog.records[-1].__dict__["kind"] == "ShapeUnknown"


def test_a_vector_is_counted_by_its_length_and_its_directions(counted: Counted) -> None:
    body = {"model": "vectors", "input": ["one", QUESTION]}

    counted.see(body, {"data": [{"embedding": [3.0] * 100}]}, usage=Usage(5, 0))

    found = counted.bins()
    assert (found["vector_length"], found["input_tokens"]) == ("32", "16")
    assert {name for name in found if name.startswith("vector_direction_")} == {
        f"vector_direction_{number}" for number in range(4)
    }


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]}, "one"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "see"}]}]}, "see"),
        ({"messages": [{"role": "system", "content": "be kind"}]}, None),
        ({"prompt": "Once"}, "Once"),
        ({"prompt": [1, 2, 3]}, None),
        ({"input": ["a", "b"]}, "b"),
    ],
)
def test_what_a_person_wrote_is_found(body: dict[str, Any], text: str | None) -> None:
    assert asked_text(body, 3) == text


def test_a_gateway_counts_what_passes_it_and_tells_none_of_it(start: Start) -> None:
    gateway = start()

    gateway.chat(QUESTION)
    gateway.chat({"text": APOLOGY})
    gateway.chat(QUESTION, stream=True)
    gateway.post("/v1/inference", {"model": "stub", "input": QUESTION, "stream": True})

    wait_until(lambda: _counted(gateway, "answer", "answered") == 3)
    assert _counted(gateway, "answer", "refused") == 1
    assert _counted(gateway, "language", "english") == 4
    assert _counted(gateway, "input_tokens", "16") == 4
    assert QUESTION not in gateway.log()
    assert gateway.metric("aip_not_observed_total") == 0


def test_a_gateway_counts_vectors(start: Start, stub: StubEngine) -> None:
    gateway = start(models={"stub": {"url": stub.url, "offers": ["embeddings"], "version": "1.0.0"}})

    gateway.post("/v1/embeddings", {"model": "stub", "input": ["one", "two", "three"]})

    wait_until(lambda: _counted(gateway, "vector_length", "0.99") == 1)


def test_of_a_long_stream_only_the_beginning_is_looked_at() -> None:
    pieces = sample_of_stream(b"".join(event("word ") for _ in range(10_000))[:HEAD_BYTES])

    assert pieces.start is not None
    assert len(pieces.start) <= 160


def _counted(gateway: GatewayProcess, statistic: str, name: str) -> float:
    line = f'aip_observed_total{{bin="{name}",model="stub",statistic="{statistic}",version="1.0.0"}}'
    return gateway.metric(line)
