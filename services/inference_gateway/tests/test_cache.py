"""An answer that would be the same is not made again; one of another model, tenant or question never stands in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.conftest import Start
from tests.processes import GatewayProcess, ValkeyProcess, wait_until
from tests.stub_engine import StubEngine

COLD: dict[str, Any] = {"temperature": 0}


def test_the_same_question_is_asked_once(plain: GatewayProcess, stub: StubEngine) -> None:
    gateway, begun, hits = plain, stub.begun, plain.metric('aip_cache_total{result="hit"}')

    first = gateway.chat("same", **COLD)
    second = gateway.chat("same", **COLD, user="another", stream=False)

    assert (first.headers["x-aip-cache"], second.headers["x-aip-cache"]) == ("miss", "hit")
    assert second.raw == first.raw
    assert stub.begun == begun + 1
    assert gateway.metric('aip_cache_total{result="hit"}') == hits + 1
    wait_until(lambda: [record["cached"] for record in gateway.events("usage")[-2:]] == [False, True])


def test_only_what_is_certain_is_kept(plain: GatewayProcess, stub: StubEngine) -> None:
    gateway, begun = plain, stub.begun

    for more in ({}, {"temperature": 0.1}, {"temperature": 0, "n": 2}, {"temperature": 0, "stream": True}):
        for _ in range(2):
            assert gateway.chat("drawn", **more).status == 200

    assert stub.begun == begun + 8


def test_what_differs_is_asked_anew(plain: GatewayProcess, stub: StubEngine) -> None:
    gateway, begun = plain, stub.begun

    gateway.chat("one", **COLD)
    gateway.chat("two", **COLD)
    gateway.chat("one", **COLD, max_tokens=5)
    gateway.chat("one", **COLD, key=gateway.other_key)

    assert stub.begun == begun + 4


def test_a_promotion_and_a_rollback_serve_their_own_answers(
    start: Start, valkey: ValkeyProcess, stub: StubEngine
) -> None:
    def gateway_of(digest: str) -> GatewayProcess:
        models = {"stub": {"url": stub.url, "digest": digest, "version": digest}}
        return start(name=digest, models=models, valkey={"url": valkey.url})

    old, new = gateway_of("sha256:old"), gateway_of("sha256:new")

    kept = [gateway.chat("whose", **COLD).headers["x-aip-cache"] for gateway in (old, new, old, new)]

    assert kept == ["miss", "miss", "hit", "hit"]


def test_a_canarys_answer_is_kept_as_the_canarys(plain: GatewayProcess) -> None:
    by_canary = {"headers": {"x-aip-track": "canary"}}

    replies = [plain.chat(by_canary, **COLD) for _ in range(2)]

    assert [reply.headers["x-aip-cache"] for reply in replies] == ["miss", "miss"]
    assert [reply.headers["x-aip-version"] for reply in replies] == ["1.1.0", "1.1.0"]


def test_equal_questions_at_once_are_asked_once(plain: GatewayProcess, stub: StubEngine, valkey: ValkeyProcess) -> None:
    gateway, begun, looked = plain, stub.begun, valkey.calls("get")

    with ThreadPoolExecutor(10) as pool:
        asking = [pool.submit(lambda: gateway.chat({"hold": "equal"}, **COLD)) for _ in range(10)]
        _wait_until_looked(gateway, valkey, looked + 10)
        stub.let_go("equal")
    replies = [asked.result() for asked in asking]

    assert {reply.status for reply in replies} == {200}
    assert stub.begun == begun + 1
    assert sorted(reply.headers["x-aip-cache"] for reply in replies) == ["joined"] * 9 + ["miss"]


def test_who_joins_late_has_a_patience_of_his_own(
    patient: GatewayProcess, stub: StubEngine, valkey: ValkeyProcess
) -> None:
    begun, looked = stub.begun, valkey.calls("get")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: patient.chat({"hold": "late"}, **COLD))
        wait_until(lambda: stub.begun > begun)
        patient.move(20)
        second = pool.submit(lambda: patient.chat({"hold": "late"}, **COLD))
        _wait_until_looked(patient, valkey, looked + 2)
        patient.move(15)
        given_up = first.result(120)
        stub.let_go("late")

    assert (given_up.status, second.result().status) == (504, 200)
    assert second.result().headers["x-aip-cache"] == "joined"
    assert stub.begun == begun + 1


def test_without_valkey_answers_are_made(start: Start, own_valkey: ValkeyProcess, stub: StubEngine) -> None:
    gateway, begun = start(valkey={"url": own_valkey.url}), stub.begun
    own_valkey.kill()

    statuses = [gateway.chat("gone", **COLD).status for _ in range(2)]

    assert statuses == [200, 200]
    assert stub.begun == begun + 2


def test_an_error_is_not_kept(plain: GatewayProcess, stub: StubEngine) -> None:
    gateway, begun = plain, stub.begun

    statuses = [gateway.chat({"status": 500}, **COLD).status for _ in range(2)]

    assert statuses == [502, 502]
    assert stub.begun == begun + 2


def _wait_until_looked(gateway: GatewayProcess, valkey: ValkeyProcess, times: int) -> None:
    wait_until(lambda: valkey.calls("get") == times)
    # What Valkey said was sent before this is, so it is read before this is answered.
    for _ in range(2):
        assert gateway.get("/health/live").status == 200
