"""What a caller is told when a request cannot be answered.

    GatewayError
    ├── Unauthenticated      401
    ├── Forbidden            403
    ├── ModelUnknown         404
    ├── BodyTooSlow          408
    ├── BodyTooLarge         413
    ├── BodyInvalid          422
    ├── RateLimited          429
    ├── EngineRefused        4xx, in the engine's own words
    ├── EngineFailed         502
    ├── ModelNotReady        503
    └── EngineTimedOut       504

SettingsInvalid is for the operator: the service does not start with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import orjson

from inference_gateway.origin import Origin


class SettingsInvalid(Exception):
    """The settings hold mistakes; each is named with its place."""


class GatewayError(Exception):
    """A request that is not answered, with what its caller is told."""

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "server_error"
    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, param: str | None = None, retry_after: float | None = None) -> None:
        """Keep what to say; `retry_after` is in seconds."""
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after
        # Whose fault it is, where an engine had begun to answer: a canary's errors must count as the canary's.
        self.origin: Origin | None = None

    @property
    def answer_status(self) -> int:
        """Return the HTTP status to answer with."""
        return self.status

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that belong to this error."""
        if self.retry_after is None:
            return []
        # Rounded up: who comes back a moment too early is refused again.
        return [(b"retry-after", str(max(1, int(-(-self.retry_after // 1)))).encode())]

    def body(self) -> bytes:
        """Return the body, in OpenAI's shape."""
        return orjson.dumps({"error": self.description()})

    def description(self) -> dict[str, Any]:
        """Return what OpenAI's clients look for."""
        return {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}


class Unauthenticated(GatewayError):
    """No valid key or token came with the request."""

    status, kind, code = 401, "authentication_error", "invalid_api_key"

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Name the scheme, as RFC 9110 wants of a 401."""
        return [(b"www-authenticate", b'Bearer realm="inference"')]


class Forbidden(GatewayError):
    """The caller is known, and belongs to no tenant that is served."""

    status, kind, code = 403, "permission_error", "tenant_unknown"


class ModelUnknown(GatewayError):
    """There is no such model, or none that this tenant may use: the answer tells nobody which."""

    status, kind, code = 404, "invalid_request_error", "model_not_found"


class BodyTooSlow(GatewayError):
    """The client took too long to send its request."""

    status, kind, code = 408, "invalid_request_error", "request_timeout"


class BodyTooLarge(GatewayError):
    """The request is larger than is read."""

    status, kind, code = 413, "invalid_request_error", "request_too_large"


class BodyInvalid(GatewayError):
    """The body is not what the operation takes; every mistake is listed with its place."""

    status, kind, code = 422, "invalid_request_error", "invalid_body"

    def __init__(self, details: Sequence[Mapping[str, Any]]) -> None:
        """Keep the mistakes, each with `loc`, `msg` and `type`."""
        first = details[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        super().__init__(f"{place}: {first['msg']}" if place else str(first["msg"]), param=place or None)
        self.details = tuple(details)

    def body(self) -> bytes:
        """Return OpenAI's shape, and FastAPI's list beside it."""
        return orjson.dumps({"error": self.description(), "detail": self.details})


class RateLimited(GatewayError):
    """The key's limit or the tenant's quota is used up."""

    status, kind, code = 429, "rate_limit_error", "rate_limit_exceeded"

    def __init__(self, message: str, *, reason: str, retry_after: float) -> None:
        """Keep the reason: `rate`, `requests` or `tokens`."""
        super().__init__(message, retry_after=retry_after)
        self.reason = reason

    def description(self) -> dict[str, Any]:
        """Tell a quota from a rate: the one is not over in a minute."""
        return {**super().description(), "code": self.code if self.reason == "rate" else "insufficient_quota"}


class EngineRefused(GatewayError):
    """The engine found a mistake in the request that the gateway cannot see, a prompt too long for example."""

    kind, code = "invalid_request_error", "refused_by_engine"

    def __init__(self, status: int, body: bytes) -> None:
        """Keep the engine's own answer."""
        super().__init__(f"The engine answered {status}.")
        self._status = status
        self._body = body

    @property
    def answer_status(self) -> int:
        """Return the engine's status."""
        return self._status

    def body(self) -> bytes:
        """Return the engine's body where it is JSON, and OpenAI's shape where not."""
        try:
            orjson.loads(self._body)
        except orjson.JSONDecodeError:
            return super().body()
        return self._body


class EngineFailed(GatewayError):
    """The engine broke off, or answered what is no answer."""

    status, code = 502, "engine_failed"


class ModelNotReady(GatewayError):
    """The model is switched off, loading, or nobody listens at its address."""

    status, code = 503, "model_not_ready"


class EngineTimedOut(GatewayError):
    """The engine took too long; its request was cancelled."""

    status, kind, code = 504, "timeout_error", "engine_timeout"
