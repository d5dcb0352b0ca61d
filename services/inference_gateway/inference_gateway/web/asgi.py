"""ASGI's own shapes, and the few things that are done with them here."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from inference_gateway.errors import BodyTooLarge, BodyTooSlow, GatewayError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = (b"content-type", b"application/json")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class ClientGone(Exception):
    """The caller left; nobody waits for an answer."""


async def send_whole(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Send a whole answer."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [JSON, length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, error: GatewayError, headers: list[tuple[bytes, bytes]]) -> None:
    """Send what a caller is told who gets no answer."""
    await send_whole(send, error.answer_status, [*error.headers(), *headers], error.body())


def read_headers(scope: Scope) -> dict[str, str]:
    """Return a request's headers; of several with one name the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def request_id_of(scope: Scope) -> str:
    """Return the caller's own name for the request, if it is one that can stand in a log, and a new one if not."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return secrets.token_hex(16)


async def read_body(receive: Receive, length: str | None, most: int, seconds: float) -> bytes:
    """Return a request's body.

    Raises:
        BodyTooLarge: it is larger than is read; what is too large by its own word is not read at all.
        BodyTooSlow: it did not come in time.
        ClientGone: the caller left.
    """
    too_large = f"The request is larger than {most} bytes."
    if length is not None and length.isdigit() and int(length[:20]) > most:
        raise BodyTooLarge(too_large)
    parts, size, more = [], 0, True
    try:
        async with asyncio.timeout(seconds):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                parts.append(message.get("body", b""))
                more = bool(message.get("more_body"))
                size += len(parts[-1])
                if size > most:
                    raise BodyTooLarge(too_large)
    except TimeoutError as error:
        raise BodyTooSlow(f"The request did not come within {seconds:g} s.") from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


@asynccontextmanager
async def while_present(receive: Receive) -> AsyncIterator[None]:
    """Break the block off when the caller leaves.

    Raises:
        ClientGone: the caller left.
    """
    task = asyncio.current_task()
    assert task is not None
    gone = False

    def left(_: asyncio.Task[None]) -> None:
        nonlocal gone
        gone = True
        task.cancel()

    watch = asyncio.create_task(_leaving(receive))
    watch.add_done_callback(left)
    try:
        yield
    except asyncio.CancelledError:
        # As asyncio.timeout does: ours is taken back, and another's cancellation goes on.
        if gone and task.uncancel() == 0:
            raise ClientGone from None
        raise
    finally:
        watch.remove_done_callback(left)
        watch.cancel()


async def _leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
