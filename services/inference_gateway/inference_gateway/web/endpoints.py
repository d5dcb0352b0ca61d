"""The operations that reach a model. They speak ASGI themselves: a framework's layers would cost more than they do."""

from __future__ import annotations

import logging

import orjson

from inference_gateway.answers import Answer
from inference_gateway.errors import GatewayError, ModelUnknown
from inference_gateway.event_stream import make_event
from inference_gateway.exchange import GONE, Exchange, Reporter
from inference_gateway.identity import Authenticator
from inference_gateway.inference import Inference, Plan
from inference_gateway.logs import request_id
from inference_gateway.parsing import OperationName, parse
from inference_gateway.settings import Settings
from inference_gateway.traces import Traces
from inference_gateway.web.asgi import (
    ClientGone,
    Receive,
    Scope,
    Send,
    read_body,
    read_headers,
    send_error,
    send_whole,
    while_present,
)

log = logging.getLogger(__name__)

EVENTS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Endpoints:
    """Answers requests for operations."""

    def __init__(
        self, settings: Settings, authenticator: Authenticator, inference: Inference, reporter: Reporter, traces: Traces
    ) -> None:
        """Take who knows callers, who answers, and who is told what became of it."""
        self._sizes = settings.sizes
        self._timeouts = settings.timeouts
        self._authenticator = authenticator
        self._inference = inference
        self._reporter = reporter
        self._traces = traces

    async def handle(self, operation: OperationName, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        headers = read_headers(scope)
        with self._traces.span(f"{scope['method']} {scope['path']}", headers) as span:
            exchange = Exchange(request_id.get(), operation, headers, span)
            writer = _Writer(exchange, send)
            try:
                await self._answer(exchange, operation, receive, writer)
            except ClientGone:
                exchange.status = GONE
            except GatewayError as error:
                exchange.status = error.answer_status
                exchange.origin = error.origin or exchange.origin
                await writer.fail(error)
            finally:
                self._reporter.over(exchange)

    async def models(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer GET /v1/models, and GET /v1/models/NAME."""
        try:
            identity = await self._authenticator.identify(read_headers(scope).get("authorization", ""))
        except GatewayError as error:
            await send_error(send, error, [])
            return
        shown = [
            {"id": name, "object": "model", "created": 0, "owned_by": "platform"}
            for name in self._inference.names_for(identity)
        ]
        wanted = scope["path_params"].get("name")
        if wanted is None:
            await send_whole(send, 200, [], orjson.dumps({"object": "list", "data": shown}))
            return
        found = [model for model in shown if model["id"] == wanted]
        if found:
            await send_whole(send, 200, [], orjson.dumps(found[0]))
        else:
            await send_error(send, ModelUnknown(f"There is no model {wanted!r}.", param="model"), [])

    async def _answer(self, exchange: Exchange, operation: OperationName, receive: Receive, writer: _Writer) -> None:
        headers = exchange.headers
        exchange.identity = identity = await self._authenticator.identify(headers.get("authorization", ""))
        raw = await read_body(
            receive, headers.get("content-length"), self._sizes.body_bytes, self._timeouts.body_seconds
        )
        question = parse(operation, raw)
        plan = await self._inference.plan(exchange, identity, question)
        async with while_present(receive):
            if question.stream:
                await self._inference.stream(exchange, plan, writer.write)
            else:
                answer = await self._inference.answer(exchange, plan)
        if question.stream:
            await writer.end()
        else:
            body = answer.body if operation != "inference" else _inference_body(exchange, plan, answer)
            exchange.status = 200
            await send_whole(writer.send, 200, exchange.about_headers(), body)


class _Writer:
    """Writes a stream; its status waits for the first piece, as nobody knows before whether it will be 200."""

    def __init__(self, exchange: Exchange, send: Send) -> None:
        self._exchange = exchange
        self.send = send
        self._begun = False

    async def write(self, events: bytes) -> None:
        if not self._begun:
            self._begun = True
            self._exchange.status = 200
            start = {"type": "http.response.start", "status": 200, "headers": EVENTS + self._exchange.about_headers()}
            await self.send(start)
        await self.send({"type": "http.response.body", "body": events, "more_body": True})

    async def end(self) -> None:
        await self.send({"type": "http.response.body", "body": b""})

    async def fail(self, error: GatewayError) -> None:
        if not self._begun:
            await send_error(self.send, error, self._exchange.about_headers())
            return
        # The status is said; an event is all that is left to tell it by. OpenAI's clients raise on it.
        await self.send({"type": "http.response.body", "body": make_event({"error": error.description()})})


def _inference_body(exchange: Exchange, plan: Plan, answer: Answer) -> bytes:
    content = answer.content()
    if plan.call.offer == "embeddings":
        output: object = [entry["embedding"] for entry in content.get("data") or []]
    else:
        choices = content.get("choices") or [{}]
        output = (choices[0].get("message") or {}).get("content") or choices[0].get("text") or ""
    origin = answer.origin
    return orjson.dumps(
        {
            "id": content.get("id") or exchange.request_id,
            "model": origin.model,
            "version": origin.version,
            "track": origin.track,
            "output": output,
            "usage": answer.usage.shown(),
            "cached": exchange.cache == "hit",
        }
    )
