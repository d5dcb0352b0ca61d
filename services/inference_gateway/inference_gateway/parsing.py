"""Turn the bytes of a request into an operation, or say what is wrong with them, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ValidationError

from inference_gateway.errors import BodyInvalid
from inference_gateway.schemas import ChatBody, CompletionBody, EmbeddingBody, InferenceBody
from inference_gateway.settings import Model, Offer

OperationName = Literal["chat", "completions", "embeddings", "inference"]
SCHEMAS: dict[OperationName, type[BaseModel]] = {
    "chat": ChatBody,
    "completions": CompletionBody,
    "embeddings": EmbeddingBody,
    "inference": InferenceBody,
}
PATHS: dict[Offer, str] = {
    "chat": "/v1/chat/completions",
    "completions": "/v1/completions",
    "embeddings": "/v1/embeddings",
}
# A mistake that is repeated a thousand times is told once or twice; the answer stays small.
MOST_MISTAKES = 50


@dataclass(frozen=True, slots=True)
class Question:
    """A request that is well formed."""

    operation: OperationName
    body: dict[str, Any]
    raw: bytes

    @property
    def model(self) -> str:
        """Return the name that the caller used."""
        return str(self.body["model"])

    @property
    def stream(self) -> bool:
        """Whether the answer is wanted bit by bit."""
        return bool(self.body.get("stream"))

    @property
    def wants_usage(self) -> bool:
        """Whether the stream's last event tells the usage."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))


@dataclass(frozen=True, slots=True)
class EngineCall:
    """What is sent to an engine."""

    offer: Offer
    body: dict[str, Any]
    raw: bytes

    @property
    def path(self) -> str:
        """Return the engine's path."""
        return PATHS[self.offer]


def parse(operation: OperationName, raw: bytes) -> Question:
    """Return a request's question.

    Raises:
        BodyInvalid: with every mistake and its place.
    """
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        place = ["body", error.pos]
        raise BodyInvalid([{"type": "json_invalid", "loc": place, "msg": f"no JSON: {error.msg}"}]) from error
    try:
        SCHEMAS[operation].model_validate(body)
    except ValidationError as error:
        raise BodyInvalid(_mistakes(error)) from error
    return Question(operation, body, raw)


def call_for(question: Question, model: Model, name: str) -> EngineCall:
    """Return what the engine is asked.

    Raises:
        BodyInvalid: the model does not do this.
    """
    served_name = model.served_name or name
    if question.operation == "inference":
        offer, body = _of_inference(question.body, model)
    else:
        offer, body = question.operation, question.body
        if offer not in model.offers:
            raise _not_offered(question.model, offer)
        if question.body["model"] == served_name and not question.stream:
            return EngineCall(offer, body, question.raw)
    changed = {**body, "model": served_name}
    if question.stream:
        # Usage is counted for every stream; who did not ask for the event that tells it does not get it.
        changed["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    return EngineCall(offer, changed, orjson.dumps(changed))


def _of_inference(body: dict[str, Any], model: Model) -> tuple[Offer, dict[str, Any]]:
    parameters = {name: value for name, value in (body.get("parameters") or {}).items() if value is not None}
    if body.get("stream"):
        parameters["stream"] = True
    messages, given = body.get("messages"), body.get("input")
    if messages is not None:
        if "chat" not in model.offers:
            raise _not_offered(body["model"], "chat", "messages")
        return "chat", {**parameters, "messages": messages}
    if "embeddings" in model.offers and not model.offers & {"chat", "completions"}:
        if parameters:
            raise _mistake("parameters", "an embedding model takes no parameters and does not stream")
        return "embeddings", {"input": given}
    if not isinstance(given, str):
        raise _mistake("input", "several inputs are for embedding models")
    if "chat" in model.offers:
        return "chat", {**parameters, "messages": [{"role": "user", "content": given}]}
    return "completions", {**parameters, "prompt": given}


def _not_offered(model: str, offer: str, place: str = "model") -> BodyInvalid:
    return _mistake(place, f"the model {model!r} does not offer {offer}")


def _mistake(place: str, message: str) -> BodyInvalid:
    return BodyInvalid([{"type": "value_error", "loc": ["body", place], "msg": message}])


def _mistakes(error: ValidationError) -> list[dict[str, Any]]:
    found = error.errors(include_url=False, include_context=False, include_input=False)[:MOST_MISTAKES]
    return [{"type": mistake["type"], "loc": ["body", *mistake["loc"]], "msg": mistake["msg"]} for mistake in found]
