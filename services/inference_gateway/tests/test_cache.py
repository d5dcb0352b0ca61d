"""An answer that would be the same is not made again; one of another model, tenant or question never stands in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from conftest import Start
from processes import GatewayProcess, ValkeyProcess
from stub_engine import StubEngine

COLD: dict[str, Any] = {"temperature": 0}


def test_the_same_question_is_asked_once(start: Start, valkey: ValkeyProcess, stub: StubEngine) -> None:
    gateway, begun = start(valkey={"url": valkey.url}), stub.begun

    first = gateway.chat("same", **COLD)
    second = gateway.chat("same", **COLD, user="another", stream=False)

    assert (first.headers["x-aip-cache"], second.headers["x-aip-cache"]) == ("miss", "hit")
    assert second.raw == first.raw
    assert stub.begun == begun + 1
    assert gateway.metric('aip_cache_total{result="hit"}') == 1
    assert [record["cached"] for record in gateway.events("usage")] == [False, True]


def test_only_what_is_certain_is_kept(start: Start, valkey: ValkeyProcess, stub: StubEngine) -> None:
    gateway, begun = start(valkey={"url": valkey.url}), stub.begun

    for more in ({}, {"temperature": 0.1}, {"temperature": 0, "n": 2}, {"temperature": 0, "stream": True}):
        for _ in range(2):
            assert gateway.chat("drawn", **more).status == 200

    assert stub.begun == begun + 8


def test_what_differs_is_asked_anew(start: Start, valkey: ValkeyProcess, stub: StubEngine, bank_key: str) -> None:
    gateway, begun = start(valkey={"url": valkey.url}), stub.begun

    gateway.chat("one", **COLD)
    gateway.chat("two", **COLD)
    gateway.chat("one", **COLD, max_tokens=5)
    gateway.chat("one", **COLD, key=bank_key)

    assert stub.begun == begun + 4


def test_a_promotion_and_a_rollback_serve_their_own_answers(
    start: Start, valkey: ValkeyProcess, stub: StubEngine, bank_key: str
) -> None:
    def gateway_of(digest: str) -> GatewayProcess:
        models = {"stub": {"url": stub.url, "digest": digest, "version": digest}}
        return start(name=digest, models=models, valkey={"url": valkey.url})

    old, new = gateway_of("sha256:old"), gateway_of("sha256:new")

    kept = [gateway.chat("whose", **COLD).headers["x-aip-cache"] for gateway in (old, new, old, new)]

    assert kept == ["miss", "miss", "hit", "hit"]


def test_a_canarys_answer_is_kept_as_the_canarys(start: Start, valkey: ValkeyProcess, stub: StubEngine) -> None:
    models = {"stub": {"url": stub.url, "digest": "sha256:s", "canary": {"digest": "sha256:c", "version": "2"}}}
    gateway = start(models=models, valkey={"url": valkey.url})
    by_canary = {"headers": {"x-aip-track": "canary"}}

    replies = [gateway.chat(by_canary, **COLD) for _ in range(2)]

    assert [reply.headers["x-aip-cache"] for reply in replies] == ["miss", "miss"]
    assert [reply.headers["x-aip-version"] for reply in replies] == ["2", "2"]


def test_equal_questions_at_once_are_asked_once(start: Start, valkey: ValkeyProcess, stub: StubEngine) -> None:
    gateway, begun = start(valkey={"url": valkey.url}), stub.begun

    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda _: gateway.chat({"delay": 0.5}, **COLD), range(10)))

    assert {reply.status for reply in replies} == {200}
    assert stub.begun == begun + 1
    assert sorted(reply.headers["x-aip-cache"] for reply in replies) == ["joined"] * 9 + ["miss"]


def test_who_joins_late_has_a_patience_of_his_own(start: Start, valkey: ValkeyProcess, stub: StubEngine) -> None:
    gateway = start(valkey={"url": valkey.url}, timeouts={"answer_seconds": 0.8})
    begun = stub.begun

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: gateway.chat({"delay": 1.1}, **COLD))
        while stub.begun == begun:
            pass
        import time

        time.sleep(0.5)
        second = pool.submit(lambda: gateway.chat({"delay": 1.1}, **COLD))

    assert (first.result().status, second.result().status) == (504, 200)
    assert stub.begun == begun + 1


def test_without_valkey_answers_are_made(start: Start, own_valkey: ValkeyProcess, stub: StubEngine) -> None:
    gateway, begun = start(valkey={"url": own_valkey.url}), stub.begun
    own_valkey.kill()

    statuses = [gateway.chat("gone", **COLD).status for _ in range(2)]

    assert statuses == [200, 200]
    assert stub.begun == begun + 2


def test_an_error_is_not_kept(start: Start, valkey: ValkeyProcess, stub: StubEngine) -> None:
    gateway, begun = start(valkey={"url": valkey.url}), stub.begun

    statuses = [gateway.chat({"status": 500}, **COLD).status for _ in range(2)]

    assert statuses == [502, 502]
    assert stub.begun == begun + 2
