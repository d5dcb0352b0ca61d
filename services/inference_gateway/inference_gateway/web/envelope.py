"""What is done for every request: a name that all logs know it by, a count, and the end of a connection that drains."""

from __future__ import annotations

import logging

from inference_gateway.errors import GatewayError
from inference_gateway.logs import request_id
from inference_gateway.metrics import Metrics
from inference_gateway.web.asgi import Application, Message, Receive, Scope, Send, request_id_of, send_error
from inference_gateway.web.lifecycle import Lifecycle

log = logging.getLogger(__name__)


class Envelope:
    """Goes around the application."""

    def __init__(self, application: Application, lifecycle: Lifecycle, metrics: Metrics) -> None:
        """Take what answers requests."""
        self._application = application
        self._lifecycle = lifecycle
        self._inflight = metrics.inflight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        name = request_id_of(scope)
        token = request_id.set(name)
        begun = False

        async def send_named(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message["headers"], (b"x-request-id", name.encode())]
                if self._lifecycle.draining:
                    # The caller's next request goes to a gateway that stays.
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        self._inflight.inc()
        try:
            await self._application(scope, receive, send_named)
        except Exception:
            log.exception("a request found a mistake of the gateway's", extra={"event": "bug", "path": scope["path"]})
            if begun:
                raise
            await send_error(send_named, GatewayError("The gateway made a mistake; its log says which."), [])
        finally:
            self._inflight.dec()
            request_id.reset(token)
