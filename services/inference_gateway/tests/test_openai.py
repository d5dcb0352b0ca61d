"""OpenAI's own client, and the documented calls, before a real engine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.conftest import base_settings, make_keys
from tests.processes import GatewayProcess, RealEngine, ValkeyProcess, wait_until
from tests.stub_engine import StubEngine

HELLO: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory,
    stub: StubEngine,
    valkey: ValkeyProcess,
    engine: RealEngine,
    vectors: RealEngine,
) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("gateway")
    (key,) = make_keys(folder, "clinic")
    models = {
        "tiny": {"url": engine.url, "digest": "sha256:1", "version": "1.0.0", "aliases": ["gpt-4o"]},
        "vectors": {"url": vectors.url, "digest": "sha256:2", "version": "2.0.0", "offers": ["embeddings"]},
    }
    settings = {**base_settings(folder, stub), "models": models}
    settings["valkey"]["url"] = valkey.url
    process = GatewayProcess(folder, settings, key, moved=True).start()
    yield process
    process.stop()
    assert "Traceback" not in process.log()


@pytest.fixture(scope="module")
def client(gateway: GatewayProcess) -> Iterator[openai.OpenAI]:
    url = f"http://127.0.0.1:{gateway.port}/v1"
    with openai.OpenAI(base_url=url, api_key=gateway.key, max_retries=0) as made:
        yield made


def test_a_conversation_goes_on(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=8, temperature=0)

    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8


def test_a_stream_gives_what_a_whole_answer_gives(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=16, temperature=0, seed=7)
    stream = client.chat.completions.create(
        model="tiny", messages=HELLO, max_tokens=16, temperature=0, seed=7, stream=True
    )
    pieces = list(stream)

    said = "".join(piece.choices[0].delta.content or "" for piece in pieces)

    assert len(pieces) > 3
    assert said == whole.choices[0].message.content
    assert all(piece.usage is None for piece in pieces)


def test_a_stream_tells_its_usage_to_who_asks(client: openai.OpenAI) -> None:
    pieces = list(
        client.chat.completions.create(
            model="tiny", messages=HELLO, max_tokens=5, stream=True, stream_options={"include_usage": True}
        )
    )

    assert pieces[-1].choices == []
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.completion_tokens == 5


def test_a_text_goes_on(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="tiny", prompt="hello", max_tokens=4)

    assert answer.object == "text_completion"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4


def test_texts_become_vectors(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="vectors", input=["hello", "no"])

    assert [entry.index for entry in answer.data] == [0, 1]
    assert len(answer.data[0].embedding) == 64
    assert answer.data[0].embedding != answer.data[1].embedding


def test_models_are_listed(client: openai.OpenAI) -> None:
    listed = [model.id for model in client.models.list()]

    assert listed == ["tiny", "vectors"]
    assert client.models.retrieve("tiny").id == "tiny"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("none")


def test_an_alias_is_the_model(client: openai.OpenAI) -> None:
    by_name = client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=8, temperature=0)
    by_alias = client.chat.completions.create(model="gpt-4o", messages=HELLO, max_tokens=8, temperature=0)

    assert by_alias.choices[0].message.content == by_name.choices[0].message.content


def test_mistakes_are_the_clients_exceptions(client: openai.OpenAI, gateway: GatewayProcess) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="none", messages=HELLO)
    with pytest.raises(openai.UnprocessableEntityError, match=r"messages\.0\.role"):
        client.chat.completions.create(model="tiny", messages=[{"role": "king", "content": "x"}])  # type: ignore[list-item, misc]
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="aip_none").models.list()


def test_what_only_the_engine_can_judge_is_told_in_its_words(client: openai.OpenAI) -> None:
    nonsense: openai.types.shared_params.ResponseFormatJSONSchema = {
        "type": "json_schema",
        "json_schema": {"name": "none", "schema": {"type": "nonsense"}},
    }

    with pytest.raises(openai.BadRequestError, match="nonsense"):
        client.chat.completions.create(model="tiny", messages=HELLO, response_format=nonsense)


def test_one_operation_asks_any_model(gateway: GatewayProcess) -> None:
    text = gateway.post(
        "/v1/inference", {"model": "tiny", "input": "say no", "parameters": {"temperature": 0, "max_tokens": 8}}
    )
    vector = gateway.post("/v1/inference", {"model": "vectors", "input": ["hello", "no"]})

    told = text.json
    assert text.status == 200
    assert isinstance(told["output"], str)
    assert (told["model"], told["version"], told["track"], told["cached"]) == ("tiny", "1.0.0", "stable", False)
    assert told["usage"]["completion_tokens"] == 8
    assert [len(one) for one in vector.json["output"]] == [64, 64]


def test_an_engine_that_is_given_up_has_its_slot_free_again(gateway: GatewayProcess, engine: RealEngine) -> None:
    body = {"model": "tiny", "prompt": "hello", "max_tokens": 30_000, "ignore_eos": True}

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(gateway.post, "/v1/completions", body)
        wait_until(lambda: bool(_busy(engine)))
        gateway.move(121)
    reply = asking.result()

    assert reply.status == 504
    # llama.cpp looks for callers who left once in a second without any result, and the question for slots is one.
    wait_until(lambda: not _busy(engine), every=1.2)
    assert _was_cut(engine)


def test_a_caller_who_leaves_a_stream_frees_the_slot(client: openai.OpenAI, engine: RealEngine) -> None:
    stream = client.completions.create(
        model="tiny", prompt="hello", max_tokens=30_000, stream=True, extra_body={"ignore_eos": True}
    )
    next(iter(stream))
    assert len(_busy(engine)) == 1

    stream.close()

    wait_until(lambda: not _busy(engine))
    assert _was_cut(engine)


def test_the_client_sees_a_stream_that_breaks(stub: StubEngine, plain: GatewayProcess) -> None:
    url = f"http://127.0.0.1:{plain.port}/v1"
    with openai.OpenAI(base_url=url, api_key=plain.key, max_retries=0) as client:
        stream = client.chat.completions.create(
            model="stub", messages=[{"role": "user", "content": '{"break_after": 2}'}], stream=True
        )

        with pytest.raises(openai.APIError, match="broke off"):
            list(stream)


def test_a_record_of_usage_is_made_for_each_answer(gateway: GatewayProcess, tmp_path: Path) -> None:
    before = len(gateway.events("usage"))

    gateway.post("/v1/completions", {"model": "tiny", "prompt": "hello", "max_tokens": 3})

    wait_until(lambda: len(gateway.events("usage")) > before)
    record = gateway.events("usage")[before]
    assert (record["tenant"], record["model"], record["version"]) == ("clinic", "tiny", "1.0.0")
    assert (record["completion_tokens"], record["estimated"], record["cached"]) == (3, False, False)
    assert record["subject"] in gateway.key


def _busy(engine: RealEngine) -> list[dict[str, Any]]:
    return [slot for slot in engine.slots() if slot["is_processing"]]


def _was_cut(engine: RealEngine) -> bool:
    """Whether what the engine worked on last ended before its 30 000 tokens were written."""
    last = max(engine.slots(), key=lambda slot: int(slot.get("id_task", -1)))
    return bool(last["params"]["max_tokens"] == 30_000 and last["n_prompt_tokens"] < 30_000)
