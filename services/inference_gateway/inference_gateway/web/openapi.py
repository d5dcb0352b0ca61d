"""How the operations are described to people: bodies, answers, examples."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from inference_gateway.schemas import ChatBody, CompletionBody, EmbeddingBody, InferenceAnswer, InferenceBody

ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
            },
        },
        "detail": {
            "type": "array",
            "items": {"type": "object"},
            "description": "Every mistake of the body: loc, msg, type.",
        },
    },
}  # fmt: skip
MEANINGS = {
    401: "No valid API key or token",
    403: "The caller's tenant is not served",
    404: "There is no such model",
    408: "The request came too slowly",
    413: "The request is too large",
    422: "The body is not valid; each mistake is told with its place",
    429: "The limit or a quota is used up; Retry-After says when to come back",
    502: "The engine failed",
    503: "The model is not ready; Retry-After says when to come back",
    504: "The engine took too long; its request was cancelled",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": {"application/json": {"schema": ERROR}}}
    for status, meaning in MEANINGS.items()
}

COLD = {"temperature": 0, "max_tokens": 32}
CHAT = {"model": "chat-7b", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 32}
EXAMPLES: dict[type[BaseModel], dict[str, dict[str, Any]]] = {
    ChatBody: {
        "whole": {"summary": "A whole answer", "value": CHAT},
        "stream": {"summary": "Bit by bit", "value": {**CHAT, "stream": True}},
    },
    CompletionBody: {
        "whole": {"summary": "A text goes on", "value": {"model": "chat-7b", "prompt": "Once", "max_tokens": 32}},
    },
    EmbeddingBody: {"two": {"summary": "Two vectors", "value": {"model": "embed-small", "input": ["one", "two"]}}},
    InferenceBody: {
        "input": {"summary": "One input", "value": {"model": "chat-7b", "input": "Say hello.", "parameters": COLD}},
        "messages": {"summary": "A conversation", "value": {"model": "chat-7b", "messages": CHAT["messages"]}},
        "vectors": {"summary": "Vectors", "value": {"model": "embed-small", "input": ["one", "two"]}},
    },
}  # fmt: skip
ANSWER = {
    "id": "chatcmpl-1", "model": "chat-7b", "version": "1.2.0", "track": "stable", "output": "Hello.",
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}, "cached": False,
}  # fmt: skip


def body_of(schema: type[BaseModel]) -> dict[str, Any]:
    """Return the description of a request body."""
    content = {
        "schema": schema.model_json_schema(ref_template="#/components/schemas/{model}"),
        "examples": EXAMPLES[schema],
    }
    # Definitions inside one schema are found by no reference from outside; they are lifted by `lift_definitions`.
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def answers_of(schema: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return the description of all answers."""
    if schema is not InferenceBody:
        return {200: {"description": "OpenAI's shape; server-sent events where `stream` is true"}, **REFUSALS}
    content = {
        "schema": InferenceAnswer.model_json_schema(ref_template="#/components/schemas/{model}"),
        "example": ANSWER,
    }
    return {200: {"description": "The answer", "content": {"application/json": content}}, **REFUSALS}


def lift_definitions(document: dict[str, Any]) -> dict[str, Any]:
    """Move every `$defs` within a document to where its references look for it."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    pending: list[Any] = [document["paths"]]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            lifted = part.pop("$defs", {})
            schemas.update(lifted)
            pending.extend([*part.values(), *lifted.values()])
        elif isinstance(part, list):
            pending.extend(part)
    return document
