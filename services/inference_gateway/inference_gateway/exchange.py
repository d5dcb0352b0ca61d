"""One request and its answer: what is known about them so far, and what is told when they are over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import orjson

from inference_gateway.answers import Usage
from inference_gateway.identity import Identity
from inference_gateway.metrics import Metrics
from inference_gateway.origin import Origin
from inference_gateway.parsing import EngineCall
from inference_gateway.samples import Sample
from inference_gateway.traces import Span

log = logging.getLogger("inference_gateway.access")
usage_log = logging.getLogger("inference_gateway.usage")

NOWHERE = Origin("none", "", "none")
NOTHING = Usage()
GONE = 499


@dataclass(slots=True)
class Exchange:
    """What is known about a request by now."""

    request_id: str
    operation: str
    headers: Mapping[str, str]
    span: Span
    started: float = field(default_factory=time.perf_counter)
    identity: Identity | None = None
    # Until an engine answers, the track is not known: a router behind the gateway draws it.
    origin: Origin = NOWHERE
    usage: Usage = NOTHING
    estimated: bool = False
    # What is looked at to count how questions and answers are, for as long as the request lasts.
    call: EngineCall | None = None
    sample: Sample | None = None
    stream_head: bytes = b""
    cache: str = ""
    limit_headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    first_token_seconds: float | None = None
    status: int = 500

    @property
    def age(self) -> float:
        """Return how long ago the request came, in seconds."""
        return time.perf_counter() - self.started

    def about_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that tell who answered, and what is left of the limit."""
        headers = list(self.limit_headers)
        if self.origin is not NOWHERE:
            for name, value in (
                (b"x-aip-model", self.origin.model),
                (b"x-aip-version", self.origin.version),
                (b"x-aip-track", self.origin.track),
                (b"x-aip-cache", self.cache),
            ):
                if value:
                    headers.append((name, value.encode("latin-1", "replace")))
        return headers


class Reporter:
    """Tells what became of requests: to metrics, the log, the bill and the trace."""

    def __init__(
        self, metrics: Metrics, usage_file: Path | None, observe: Callable[[Exchange], None], *, access_log: bool
    ) -> None:
        """Take where usage is recorded, and what counts how questions and answers are."""
        self._metrics = metrics
        self._observe = observe
        self._access_log = access_log
        self._usage: TextIO | None = usage_file.open("a", encoding="utf-8") if usage_file else None

    def over(self, exchange: Exchange) -> None:
        """Tell of a request that is over."""
        origin, seconds = exchange.origin, exchange.age
        labels = (origin.model, origin.version, "cache" if exchange.cache == "hit" else origin.track)
        self._metrics.requests.labels(*labels, str(exchange.status)).inc()
        self._metrics.duration.labels(*labels).observe(seconds)
        if exchange.first_token_seconds is not None:
            self._metrics.first_token.labels(*labels).observe(exchange.first_token_seconds)
        if exchange.status == GONE:
            self._metrics.client_gone.labels(origin.model).inc()
        if exchange.usage.total:
            self._metrics.tokens.labels(origin.model, "prompt").inc(exchange.usage.prompt)
            self._metrics.tokens.labels(origin.model, "completion").inc(exchange.usage.completion)
        self._observe(exchange)
        identity = exchange.identity
        if identity is not None and (exchange.usage.total or exchange.status == 200):
            self._bill(exchange, identity)
        if self._access_log:
            log.info("%s %d", exchange.operation, exchange.status, extra=_told(exchange, seconds))
        exchange.span.note({"http.response.status_code": exchange.status, "gen_ai.request.model": origin.model})

    def close(self) -> None:
        """Close the file of usage records."""
        if self._usage is not None:
            self._usage.close()

    def _bill(self, exchange: Exchange, identity: Identity) -> None:
        record = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "request_id": exchange.request_id,
            "tenant": identity.tenant_name,
            "subject": identity.subject,
            "operation": exchange.operation,
            "model": exchange.origin.model,
            "version": exchange.origin.version,
            "prompt_tokens": exchange.usage.prompt,
            "completion_tokens": exchange.usage.completion,
            "estimated": exchange.estimated,
            "cached": exchange.cache in ("hit", "joined"),
            "status": exchange.status,
        }
        if self._usage is None:
            usage_log.info("usage", extra={"event": "usage", **record})
        else:
            self._usage.write(orjson.dumps(record).decode() + "\n")
            self._usage.flush()


def _told(exchange: Exchange, seconds: float) -> dict[str, object]:
    told: dict[str, object] = {
        "event": "request",
        "request_id": exchange.request_id,
        "model": exchange.origin.model,
        "version": exchange.origin.version,
        "track": exchange.origin.track,
        "status": exchange.status,
        "seconds": round(seconds, 4),
        "tokens": exchange.usage.total,
    }
    if exchange.identity is not None:
        told["tenant"] = exchange.identity.tenant_name
        told["subject"] = exchange.identity.subject
    if exchange.cache:
        told["cache"] = exchange.cache
    return told
