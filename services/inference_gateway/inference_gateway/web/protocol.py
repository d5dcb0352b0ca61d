"""uvicorn's HTTP protocol, kept from callers who send headers without end or never finish them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from inference_gateway.web.asgi import Application, Receive, Scope, Send, send_whole

TOO_LARGE = orjson.dumps(
    {
        "error": {
            "message": "The headers are too large.",
            "type": "invalid_request_error",
            "param": None,
            "code": "headers_too_large",
        }
    }
)
RAW_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s"
) % (len(TOO_LARGE), TOO_LARGE)


async def headers_too_large(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 431."""
    await send_whole(send, 431, [(b"connection", b"close")], TOO_LARGE)


class GuardedProtocol(HttpToolsProtocol):
    """One connection, whose headers come in a time and a size."""

    def __init__(self, *arguments: Any, header_bytes: int, header_seconds: float, **named: Any) -> None:
        """Take how large headers may be, and how long they may take."""
        super().__init__(*arguments, **named)
        self._most = header_bytes
        self._seconds = header_seconds
        self._head_size = 0
        self._in_head = False
        self._received = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, but not for ever."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._have_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._head_timer is None and (self.cycle is None or self.cycle.response_complete):
            # The first bytes after a pause: uvicorn forgets its own timer here.
            self._await_head()
        super().data_received(data)
        if self._in_head:
            self._received += len(data)
            # A single header without an end is not even told to us; twice the size leaves room for what surrounds it.
            if self._received > 2 * self._most and not self.transport.is_closing():
                self.transport.write(RAW_TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._in_head, self._head_size, self._received = True, 0, 0

    def on_url(self, url: bytes) -> None:
        """Count an address."""
        self._head_size += len(url)
        if self._head_size <= self._most:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header; one too many is not kept."""
        self._head_size += len(name) + len(value)
        if self._head_size <= self._most:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Go on with the request, unless its headers were too large."""
        self._in_head = False
        self._have_head()
        if self._head_size <= self._most:
            super().on_headers_complete()
            return
        application: Application = self.app
        self.app, self.url = headers_too_large, self.url or b"/"
        super().on_headers_complete()
        self.app = application

    def shutdown(self) -> None:
        """Leave, but not in the middle of what a caller is just sending."""
        if self._in_head and not self.transport.is_closing():
            self._await_head()
            return
        super().shutdown()

    def _await_head(self) -> None:
        self._have_head()
        self._head_timer = self.loop.call_later(self._seconds, self.timeout_keep_alive_handler)

    def _have_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def guarded(header_bytes: int, header_seconds: float) -> Any:
    """Return what uvicorn makes protocols with."""
    return partial(GuardedProtocol, header_bytes=header_bytes, header_seconds=header_seconds)
