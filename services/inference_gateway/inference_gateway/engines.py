"""Ask engines over HTTP. A request that nobody waits for any more is cancelled by closing its connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp

from inference_gateway.answers import Answer, Usage, read_object
from inference_gateway.engine_names import KeepingResolver
from inference_gateway.engine_sockets import SocketMaker, socket_maker
from inference_gateway.errors import EngineFailed, EngineRefused, GatewayError, ModelNotReady
from inference_gateway.origin import Origin
from inference_gateway.parsing import EngineCall
from inference_gateway.samples import sample_of
from inference_gateway.settings import Model, Settings

log = logging.getLogger(__name__)

RETRY_AFTER = 5.0
MOST_REFUSAL_BYTES = 64 << 10
# Behind one name are several copies: the network may lead the next connection to one that lives.
CONNECTIONS = 5


class Engines:
    """The engines of all models."""

    def __init__(self, settings: Settings, sockets: SocketMaker | None = None) -> None:
        """Take where models are, and what makes the sockets to them: such as notice a peer's end, unless given."""
        self._sockets = sockets or socket_maker(settings.timeouts.lost_seconds)
        self._models = settings.models
        self._timeouts = settings.timeouts
        self._answer_bytes = settings.sizes.answer_bytes
        self._session: aiohttp.ClientSession | None = None
        self.ready: dict[str, bool] = {}

    async def open(self) -> None:
        """Get ready to ask."""
        self._session = aiohttp.ClientSession(
            # As many connections as there are requests: who may ask is decided before. Idle ones are closed sooner
            # than uvicorn's and llama.cpp's five seconds, lest a request be sent into a closing connection.
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=4,
                socket_factory=self._sockets,
                resolver=KeepingResolver(aiohttp.ThreadedResolver()),
                use_dns_cache=False,
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._timeouts.connect_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept"),
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def answer(self, model: str, call: EngineCall, headers: Mapping[str, str]) -> Answer:
        """Return a whole answer.

        Raises:
            EngineRefused: the engine finds fault with the request.
            EngineFailed: the engine broke off, or its answer is none.
            ModelNotReady: nobody is there.
        """
        async with self._ask(model, call, headers) as response:
            try:
                body = await self._whole(response)
            except (aiohttp.ClientError, OSError) as error:
                raise EngineFailed("The engine broke off in the middle of its answer.") from error
        content = read_object(body)
        usage = Usage.read(content.get("usage"))
        return Answer(self._origin(model, response), body, usage, sample_of(content, len(body)))

    @asynccontextmanager
    async def stream(
        self, model: str, call: EngineCall, headers: Mapping[str, str]
    ) -> AsyncIterator[tuple[Origin, AsyncIterator[bytes]]]:
        """Give an answer's bytes as they come, once the engine began to answer well.

        Raises:
            EngineRefused: the engine finds fault with the request.
            EngineFailed: the engine broke off.
            ModelNotReady: nobody is there.
        """
        async with self._ask(model, call, headers) as response:
            try:
                yield self._origin(model, response), response.content.iter_any()
            except (aiohttp.ClientError, OSError) as error:
                raise EngineFailed("The engine broke off in the middle of its answer.") from error
            finally:
                # Whatever is not read to its end is not wanted any more; the engine sees that at once.
                if not response.content.at_eof():
                    response.close()

    async def probe(self, seconds: float, told: Callable[[str, bool], None]) -> None:
        """Ask all models again and again whether they are there, and tell of each."""
        while True:
            await asyncio.gather(*(self._look(name, model, told) for name, model in self._models.items()))
            await asyncio.sleep(seconds)

    async def _look(self, name: str, model: Model, told: Callable[[str, bool], None]) -> None:
        ready = await self._is_ready(model)
        if ready != self.ready.get(name):
            log.info("a model came or went", extra={"event": "model_readiness", "model": name, "ready": ready})
        self.ready[name] = ready
        told(name, ready)

    async def _is_ready(self, model: Model) -> bool:
        try:
            async with asyncio.timeout((CONNECTIONS + 1) * self._timeouts.connect_seconds):
                async with await self._connected("GET", f"{model.url}/health") as response:
                    return response.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    @asynccontextmanager
    async def _ask(
        self, model: str, call: EngineCall, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        response = await self._sent(model, call, headers)
        try:
            async with response:
                if response.status != 200:
                    await self._refuse(model, response)
                yield response
        except GatewayError as error:
            error.origin = self._origin(model, response)
            raise

    async def _sent(self, model: str, call: EngineCall, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Send a request once, and return how its answer begins."""
        url = self._models[model].url + call.path
        try:
            return await self._connected("POST", url, data=call.raw, headers=headers, allow_redirects=False)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ModelNotReady(f"The model {model!r} is not ready.", retry_after=RETRY_AFTER) from error
        except (aiohttp.ClientError, OSError) as error:
            raise EngineFailed("The engine broke off before it answered.") from error

    async def _connected(self, method: str, url: str, **sent: Any) -> aiohttp.ClientResponse:
        """Send a request by the first connection that can be made.

        Raises:
            ClientConnectorError, ConnectionTimeoutError: none could be.
            ClientError, OSError: one was, and broke.
        """
        assert self._session is not None
        for _ in range(CONNECTIONS - 1):
            # Nothing was sent. What was is never sent again: it may be what brought its engine down.
            with suppress(aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                return await self._session.request(method, url, **sent)
        return await self._session.request(method, url, **sent)

    async def _refuse(self, model: str, response: aiohttp.ClientResponse) -> None:
        try:
            body = await response.content.read(MOST_REFUSAL_BYTES)
        except (aiohttp.ClientError, OSError):
            body = b""
        response.close()
        if response.status == 503:
            raise ModelNotReady(f"The model {model!r} is not ready.", retry_after=RETRY_AFTER)
        if response.status in (400, 413, 422, 429):
            raise EngineRefused(response.status, body)
        # 401, 404 and 405 of an engine are a mistake in our settings, and none of the caller's.
        log.error("an engine failed", extra={"event": "engine_failed", "model": model, "status": response.status})
        raise EngineFailed(f"The engine answered {response.status}.")

    async def _whole(self, response: aiohttp.ClientResponse) -> bytes:
        if (response.content_length or 0) > self._answer_bytes:
            raise EngineFailed(f"The engine's answer is larger than {self._answer_bytes} bytes.")
        if response.content_length is not None:
            return await response.read()
        parts, size = [], 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > self._answer_bytes:
                response.close()
                raise EngineFailed(f"The engine's answer is larger than {self._answer_bytes} bytes.")
            parts.append(part)
        return b"".join(parts)

    def _origin(self, name: str, response: aiohttp.ClientResponse) -> Origin:
        model = self._models[name]
        track = response.headers.get("x-aip-track", "stable")
        release = model.canary if track == "canary" else model
        return Origin(
            name,
            response.headers.get("x-aip-version", release.version),
            track if track in ("stable", "canary") else "other",
            response.headers.get("x-aip-digest", release.digest),
        )
