"""What the service tells: health, metrics, logs, traces, its description. And what it never tells."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from inference_gateway.errors import SettingsInvalid
from inference_gateway.settings_files import load_settings

from tests.conftest import Start
from tests.processes import GatewayProcess, wait_until
from tests.stub_engine import StubEngine

SECRET = "my diagnosis is nobody's business"


def test_health_is_three_questions(plain: GatewayProcess) -> None:
    assert [plain.get(f"/health/{name}").status for name in ("startup", "live", "ready")] == [200, 200, 200]


def test_without_any_model_requests_are_not_welcome(start: Start, stub: StubEngine) -> None:
    gateway = start(models={"stub": {"url": stub.url}, "gone": {"url": "http://127.0.0.1:9"}})

    lost = gateway.chat(model="gone")

    assert gateway.get("/health/ready").status == 200
    assert lost.status == 503
    assert "retry-after" in lost.headers
    assert gateway.metric('aip_model_ready{model="gone"}') == 0
    assert gateway.metric('aip_model_ready{model="stub"}') == 1


def test_metrics_are_what_canary_analysis_and_alerts_read(plain: GatewayProcess) -> None:
    plain.chat({"headers": {"x-aip-track": "canary", "x-aip-version": "1.1.7"}})
    plain.chat(stream=True)

    written = plain.get("/metrics").raw.decode()

    assert 'aip_requests_total{code="200",model="stub",track="canary",version="1.1.7"} 1.0' in written
    assert 'aip_request_duration_seconds_bucket{le="2.0",model="stub",track="stable",version="1.0.0"}' in written
    bounds = re.findall(
        r'request_duration_seconds_bucket{le="([^"]+)",model="stub",track="canary",version="1.1.7', written
    )
    assert bounds == ["0.05", "0.1", "0.25", "0.5", "1.0", "1.5", "2.0", "2.5", "5.0", "10.0", "30.0", "+Inf"]
    for name in ("aip_time_to_first_token_seconds_count", "aip_inflight", "aip_tokens_total", "aip_valkey_up"):
        assert f"\n{name}" in written


def test_a_strangers_words_make_no_metrics(plain: GatewayProcess) -> None:
    before = len(plain.get("/metrics").raw.splitlines())

    for number in range(20):
        plain.chat(model=f"invented{number}")
        plain.chat({"headers": {"x-aip-track": f"track{number}"}})

    assert len(plain.get("/metrics").raw.splitlines()) - before < 40


def test_a_request_is_known_by_one_name_everywhere(plain: GatewayProcess, stub: StubEngine) -> None:
    body = {"model": "stub", "messages": [{"role": "user", "content": "x"}]}

    reply = plain.post("/v1/chat/completions", body, **{"X-Request-Id": "ward-7:42"})

    assert reply.headers["x-request-id"] == "ward-7:42"
    assert stub.headers[-1]["x-request-id"] == "ward-7:42"

    def told_of() -> list[dict[str, Any]]:
        return [event for event in plain.events("request") if event["request_id"] == "ward-7:42"]

    # The log is written after the answer.
    wait_until(lambda: bool(told_of()))
    (told,) = told_of()
    assert (told["tenant"], told["model"], told["status"]) == ("clinic", "stub", 200)


def test_the_engine_never_sees_the_callers_key(plain: GatewayProcess, stub: StubEngine) -> None:
    plain.chat()

    assert "authorization" not in stub.headers[-1]


def test_prompts_are_told_to_no_log(start: Start) -> None:
    gateway = start(telemetry={"log_level": "debug"})

    gateway.chat(SECRET)
    gateway.chat(SECRET, stream=True)
    gateway.chat(SECRET, temperature=9)
    gateway.post("/v1/inference", {"model": "stub", "input": SECRET, "parameters": {"n": SECRET}})
    gateway.post("/v1/chat/completions", SECRET.encode())

    assert SECRET not in gateway.log()
    assert gateway.key not in gateway.log()


def test_prompts_are_told_where_the_tenant_wants_it(start: Start) -> None:
    gateway = start(tenants={"clinic": {}, "bank": {"log_prompts": True}})

    gateway.chat(SECRET)
    gateway.chat("what is my balance", key=gateway.other_key)

    (prompt,) = gateway.events("prompt")
    assert prompt["tenant"] == "bank"
    assert prompt["body"]["messages"][0]["content"] == "what is my balance"
    assert SECRET not in gateway.log()


def test_every_line_of_the_log_is_json(plain: GatewayProcess) -> None:
    lines = plain.log().splitlines()

    assert lines
    assert all({"time", "level", "message"} <= json.loads(line).keys() for line in lines)


def test_usage_records_go_where_they_are_wanted(start: Start, tmp_path: Path) -> None:
    gateway = start(files={"usage": str(tmp_path / "usage.jsonl"), "keys": str(tmp_path / "keys.json")})

    gateway.chat()
    gateway.chat(stream=True)
    gateway.chat({"usage": False}, stream=True)

    wait_until(lambda: (tmp_path / "usage.jsonl").read_text().count("\n") == 3)
    records = [json.loads(line) for line in (tmp_path / "usage.jsonl").read_text().splitlines()]
    told = [(record["prompt_tokens"], record["completion_tokens"], record["estimated"]) for record in records]
    assert told == [(5, 3, False), (5, 3, False), (0, 4, True)]
    assert not gateway.events("usage")


class Collector(ThreadingHTTPServer):
    """Takes traces."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.taken.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.mark.parametrize("parent", ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"])
def test_traces_go_to_a_collector_and_on_to_the_engine(start: Start, stub: StubEngine, parent: str) -> None:
    collector = Collector()
    serving = threading.Thread(target=collector.serve_forever, daemon=True)
    serving.start()
    gateway = start(telemetry={"otlp_endpoint": f"http://127.0.0.1:{collector.server_port}"})
    body = {"model": "stub", "messages": [{"role": "user", "content": "x"}]}

    gateway.post("/v1/chat/completions", body, traceparent=parent)
    wait_until(lambda: bool(collector.taken))
    collector.shutdown()
    collector.server_close()

    path, sent = collector.taken[0]
    assert path == "/v1/traces"
    assert bytes.fromhex("0af7651916cd43dd8448eb211c80319c") in sent
    passed_on = stub.headers[-1]["traceparent"].split("-")
    assert passed_on[1] == "0af7651916cd43dd8448eb211c80319c"
    assert passed_on[2] != "b7ad6b7169203331"


def test_without_a_collector_the_callers_trace_is_passed_on(plain: GatewayProcess, stub: StubEngine) -> None:
    body = {"model": "stub", "messages": [{"role": "user", "content": "x"}]}

    plain.post("/v1/chat/completions", body, traceparent="00-1-2-01")

    assert stub.headers[-1]["traceparent"] == "00-1-2-01"


def test_the_operations_are_described_with_examples(plain: GatewayProcess) -> None:
    document = plain.get("/openapi.json").json

    for path in ("/v1/inference", "/v1/chat/completions", "/v1/completions", "/v1/embeddings"):
        operation = document["paths"][path]["post"]
        assert operation["requestBody"]["content"]["application/json"]["examples"]
        assert {"200", "401", "404", "413", "422", "429", "503", "504"} <= operation["responses"].keys()
    references = set(_references(document))
    assert references
    assert all(name.removeprefix("#/components/schemas/") in document["components"]["schemas"] for name in references)


def test_the_examples_are_answered(plain: GatewayProcess) -> None:
    document = plain.get("/openapi.json").json

    for path in ("/v1/inference", "/v1/chat/completions", "/v1/completions"):
        examples = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"]
        for name, example in examples.items():
            if example["value"]["model"] == "chat-7b":
                assert plain.post(path, {**example["value"], "model": "stub"}).status == 200, name


def test_a_process_is_small(plain: GatewayProcess) -> None:
    for _ in range(200):
        plain.chat()

    assert plain.memory() < 120 << 20


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modles: {}", "modles: Extra inputs"),
        ("models: {m: {url: 'ftp://x'}}", "models.m.url"),
        ("models: {m: {url: 'http://x', class: ''}}", "models.m.class"),
        ("tenants: {t: {models: [none]}}", "there is no model 'none'"),
        ("models: {a: {url: 'http://x'}, b: {url: 'http://x', aliases: [a]}}", "'a' names both"),
        ("limits: {requests: 0}", "limits.requests"),
        ("jwt: {issuer: x}", "an issuer wants an audience"),
        ("jwt: {algorithms: [HS256]}", "only algorithms with a public key"),
        ("- a", "must hold a mapping"),
        ("a: [", "is no YAML"),
    ],
)
def test_mistakes_of_the_settings_are_told_with_their_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.yaml").write_text(text)

    with pytest.raises(SettingsInvalid, match=said):
        load_settings({"INFERENCE_GATEWAY_CONFIG": str(tmp_path / "config.yaml")})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("limits: {requests: 5, replicas: 3}")

    settings = load_settings(
        {
            "INFERENCE_GATEWAY_CONFIG": str(tmp_path / "config.yaml"),
            "INFERENCE_GATEWAY__LIMITS__REQUESTS": "7",
            "INFERENCE_GATEWAY__VALKEY__URL": "valkeys://valkey:6379",
        }
    )

    assert (settings.limits.requests, settings.limits.replicas) == (7, 3)
    assert settings.valkey.url == "valkeys://valkey:6379"


def test_the_promised_numbers_are_the_defaults() -> None:
    settings = load_settings({})

    assert (settings.limits.requests, settings.limits.window_seconds) == (10, 60)
    times = settings.timeouts
    assert (times.answer_seconds, times.first_token_seconds, times.idle_seconds) == (30, 30, 30)
    assert settings.server.port == 8000


def _references(part: object) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in _references(value)]
    if isinstance(part, list):
        return [found for value in part for found in _references(value)]
    return []
