"""Who asks too often is told when to come back; without Valkey each gateway grants its share."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from inference_gateway.ready_gateways import ReadyGateways

from tests.conftest import Start
from tests.processes import GatewayProcess, ValkeyProcess, wait_until
from tests.stub_engine import StubEngine

LIMITED = {"requests": 10, "window_seconds": 60, "replicas": 5}


def test_the_eleventh_request_of_a_minute_is_refused(start: Start, valkey: ValkeyProcess) -> None:
    gateway = start(limits=LIMITED, valkey={"url": valkey.url})

    began = time.monotonic()
    replies = [gateway.chat() for _ in range(11)]
    took = time.monotonic() - began

    assert [reply.status for reply in replies] == [200] * 10 + [429]
    assert replies[0].headers["ratelimit-limit"] == "10"
    assert [reply.headers["ratelimit-remaining"] for reply in replies] == [str(left) for left in [*range(9, -1, -1), 0]]
    # The first of them leaves the window a minute after it came, and that was no longer ago than all took.
    assert 60 - took <= int(replies[10].headers["retry-after"]) <= 60
    assert replies[10].headers["ratelimit-policy"] == "10;w=60"
    assert replies[10].json["error"]["code"] == "rate_limit_exceeded"
    assert gateway.metric('aip_rate_limited_total{model_class="default",reason="rate"}') == 1


def test_gateways_count_together(start: Start, valkey: ValkeyProcess) -> None:
    first = start(name="first", limits=LIMITED, valkey={"url": valkey.url})
    second = start(name="second", limits=LIMITED, valkey={"url": valkey.url})

    statuses = [gateway.chat().status for _ in range(6) for gateway in (first, second)]

    assert statuses == [200] * 10 + [429] * 2


def test_keys_and_classes_are_counted_apart(start: Start, valkey: ValkeyProcess, stub: StubEngine) -> None:
    models = {"stub": {"url": stub.url}, "large": {"url": stub.url, "class": "large"}}
    limits = {**LIMITED, "requests": 2, "classes": {"large": 1}}
    gateway = start(limits=limits, valkey={"url": valkey.url}, models=models)
    gateway_key, large = gateway.key, "large"

    ours = [gateway.chat(key=gateway_key).status for _ in range(3)]
    theirs = [gateway.chat(key=gateway.other_key).status for _ in range(3)]
    of_large = [gateway.chat(key=gateway_key, model=large).status for _ in range(2)]

    assert (ours, theirs, of_large) == ([200, 200, 429], [200, 200, 429], [200, 429])


def test_the_window_slides(start: Start, valkey: ValkeyProcess) -> None:
    gateway = start(limits={**LIMITED, "requests": 2}, valkey={"url": valkey.url})

    before = [gateway.chat().status for _ in range(3)]
    _age(valkey, gateway, 40)
    meanwhile = gateway.chat()
    _age(valkey, gateway, 20)
    after = [gateway.chat().status for _ in range(3)]

    assert (before, meanwhile.status, after) == ([200, 200, 429], 429, [200, 200, 429])
    assert 0 <= int(meanwhile.headers["retry-after"]) <= 20


def test_without_valkey_a_share_is_granted_and_no_request_fails(start: Start, own_valkey: ValkeyProcess) -> None:
    valkey = {"url": own_valkey.url, "retry_seconds": 0.2}
    gateway, other = (start(name=name, limits=LIMITED, valkey=valkey) for name in ("one", "two"))
    wait_until(lambda: gateway.metric("aip_gateways") == other.metric("aip_gateways") == 2)
    assert gateway.chat().status == 200

    own_valkey.kill()
    statuses = [gateway.chat().status for _ in range(7)]

    assert statuses == [200] * 5 + [429] * 2
    assert gateway.metric("aip_local_limit_decisions_total") == 7
    assert gateway.metric("aip_valkey_up") == 0
    assert gateway.get("/health/ready").status == 200

    own_valkey.start()
    # It is asked for revoked keys every now and then, without any request.
    wait_until(lambda: gateway.metric("aip_valkey_up") == 1)
    again = [gateway.chat().status for _ in range(11)]

    assert again == [200] * 10 + [429]
    assert gateway.metric("aip_valkey_up") == 1


def test_who_never_met_the_others_grants_as_if_there_were_as_many_as_may_be(
    start: Start, own_valkey: ValkeyProcess
) -> None:
    own_valkey.kill()
    gateway = start(limits=LIMITED, valkey={"url": own_valkey.url})

    statuses = [gateway.chat().status for _ in range(3)]

    assert statuses == [200, 200, 429]


def test_who_never_met_the_others_grants_a_share_by_how_many_are_ready(start: Start, own_valkey: ValkeyProcess) -> None:
    own_valkey.kill()
    # A name with one address.
    gateway = start(limits={**LIMITED, "gateways": "127.0.0.1"}, valkey={"url": own_valkey.url, "retry_seconds": 0.2})
    wait_until(lambda: gateway.metric("aip_gateways") == 1)

    statuses = [gateway.chat().status for _ in range(11)]

    assert statuses == [200] * 10 + [429]


class Names(AbstractResolver):
    """A name server that knows one name."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        if host != "gateways.svc":
            raise OSError("No such name.")
        # Each once for every kind of socket, as the C library says them.
        addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.1"]
        return [ResolveResult(hostname=host, host=each, port=port, family=2, proto=0, flags=0) for each in addresses]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(("name", "ready"), [("gateways.svc", 2), ("nobody.svc", 0), ("", 0)])
def test_ready_gateways_are_counted_by_their_addresses(name: str, ready: int) -> None:
    assert asyncio.run(ReadyGateways(name, Names()).count()) == ready


def test_a_gateway_that_is_gone_is_not_counted_any_more(start: Start, own_valkey: ValkeyProcess) -> None:
    gateway = start(limits=LIMITED, valkey={"url": own_valkey.url})
    wait_until(lambda: gateway.metric("aip_gateways") == 1)

    own_valkey.ask("ZADD", "aip:gateways", 0, "gone")
    own_valkey.ask("ZADD", "aip:gateways", 9 * 10**15, "there")

    wait_until(lambda: gateway.metric("aip_gateways") == 2)
    assert own_valkey.ask("ZSCORE", "aip:gateways", "gone") is None


def test_a_valkey_that_is_silent_is_not_waited_for_twice(start: Start, own_valkey: ValkeyProcess) -> None:
    seconds = {"timeout_seconds": 3000, "retry_seconds": 86400}
    gateway = start(moved=True, valkey={"url": own_valkey.url, **seconds}, timeouts={"answer_seconds": 86400})
    assert gateway.chat().status == 200

    own_valkey.freeze()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gateway.chat)
        # This one, and the question for it.
        wait_until(lambda: gateway.metric("aip_inflight") == 2)
        waited = not first.done()
        gateway.move(3001)
        statuses = [first.result(120).status]
    # The clock moves no more: one that waited would wait for ever.
    statuses += [gateway.chat().status for _ in range(20)]

    assert waited
    assert statuses == [200] * 21


def test_quotas_of_a_tenant_end_for_the_day(start: Start, valkey: ValkeyProcess) -> None:
    tenants = {"clinic": {"requests_per_day": 2}, "bank": {"tokens_per_day": 8}}
    gateway = start(tenants=tenants, valkey={"url": valkey.url})
    day = time.strftime("%Y-%m-%d", time.gmtime())
    valkey.ask("DEL", f"aip:{{clinic}}:spent:{day}", f"aip:{{bank}}:spent:{day}")

    clinic = [gateway.chat() for _ in range(3)]
    bank_before = gateway.chat(key=gateway.other_key)
    wait_until(lambda: valkey.ask("HGET", f"aip:{{bank}}:spent:{day}", "tokens") == b"8")
    bank_after = gateway.chat(key=gateway.other_key)

    assert [reply.status for reply in clinic] == [200, 200, 429]
    assert clinic[2].json["error"]["code"] == "insufficient_quota"
    assert 0 < int(clinic[2].headers["retry-after"]) <= 86400
    assert (bank_before.status, bank_after.status) == (200, 429)
    assert "tokens" in bank_after.json["error"]["message"]


def _age(valkey: ValkeyProcess, gateway: GatewayProcess, seconds: int) -> None:
    """Let what was admitted have come so much earlier: Valkey has a clock that nobody moves."""
    window = f"aip:{{clinic}}:window:{gateway.key.split('_')[1]}:default"
    for member in valkey.ask("ZRANGE", window, 0, -1):
        valkey.ask("ZINCRBY", window, -1000 * seconds, member)
