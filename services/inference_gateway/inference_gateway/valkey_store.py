"""Speak to Valkey, and leave it alone for a moment when it does not answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import valkey.asyncio as client
from valkey.exceptions import NoScriptError, ValkeyError

from inference_gateway.settings import Valkey

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class StoreGone(Exception):
    """Valkey does not answer."""


class ValkeyStore:
    """The few commands that the gateway needs, each within a time, none of them repeated."""

    def __init__(self, settings: Valkey, watched: Callable[[bool], None]) -> None:
        """Take where Valkey is, and whom to tell whether it is there."""
        options: dict[str, Any] = {}
        if settings.url.startswith(("valkeys://", "rediss://")):
            # Off unless asked for: any certificate of the authority would do for any host.
            options["ssl_check_hostname"] = True
            options["ssl_ca_certs"] = settings.ca_file and str(settings.ca_file)
        if settings.password_file is not None:
            options["password"] = settings.password_file.read_text().strip()
        if settings.username:
            options["username"] = settings.username
        self._client = client.Valkey.from_url(
            settings.url,
            socket_connect_timeout=settings.timeout_seconds,
            # One time-out around each command instead: theirs costs a task for each read.
            socket_timeout=None,
            **options,
        )
        self._timeout = settings.timeout_seconds
        self._retry_seconds = settings.retry_seconds
        self._retry_at = 0.0
        self._watched = watched
        self._shas: dict[str, str] = {}

    async def run_script(self, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> list[Any]:
        """Run a script in one step that no other command divides.

        Raises:
            StoreGone: Valkey does not answer.
        """
        return cast(list[Any], await self._within(lambda: self._script(script, keys, arguments)))

    async def read(self, key: str) -> bytes | None:
        """Return a value.

        Raises:
            StoreGone: Valkey does not answer.
        """
        return cast("bytes | None", await self._within(lambda: self._client.get(key)))

    async def write(self, key: str, value: bytes, seconds: int) -> None:
        """Keep a value for some time.

        Raises:
            StoreGone: Valkey does not answer.
        """
        await self._within(lambda: self._client.set(key, value, ex=seconds))

    async def members(self, key: str) -> frozenset[str]:
        """Return a set.

        Raises:
            StoreGone: Valkey does not answer.
        """
        found = await self._within(lambda: cast("Awaitable[set[bytes]]", self._client.smembers(key)))
        return frozenset(member.decode() for member in found)

    async def add_member(self, key: str, member: str) -> None:
        """Put something into a set.

        Raises:
            StoreGone: Valkey does not answer.
        """
        await self._within(lambda: cast("Awaitable[int]", self._client.sadd(key, member)))

    async def fields(self, key: str) -> dict[str, int]:
        """Return the numbers of a hash.

        Raises:
            StoreGone: Valkey does not answer.
        """
        found = await self._within(lambda: cast("Awaitable[dict[bytes, bytes]]", self._client.hgetall(key)))
        return {name.decode(): int(value) for name, value in found.items()}

    async def add(self, amounts: Mapping[str, Mapping[str, int]], seconds: int) -> None:
        """Add to the numbers of hashes, and keep them for some time.

        Raises:
            StoreGone: Valkey does not answer.
        """
        pipeline = self._client.pipeline(transaction=False)
        for key, fields in amounts.items():
            for field, amount in fields.items():
                pipeline.hincrby(key, field, amount)
            pipeline.expire(key, seconds)
        await self._within(pipeline.execute)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _script(self, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        sha = self._shas.get(script)
        try:
            if sha is not None:
                return await self._client.evalsha(sha, len(keys), *keys, *arguments)
        except NoScriptError:
            # Valkey was started anew and has forgotten.
            pass
        self._shas[script] = await self._client.script_load(script)
        return await self._client.evalsha(self._shas[script], len(keys), *keys, *arguments)

    async def _within(self, command: Callable[[], Awaitable[Result]]) -> Result:
        if time.monotonic() < self._retry_at:
            raise StoreGone
        try:
            async with asyncio.timeout(self._timeout):
                result = await command()
        except (ValkeyError, OSError, TimeoutError) as error:
            if not self._retry_at:
                log.warning("Valkey does not answer", extra={"event": "valkey_gone", "reason": repr(error)})
            self._retry_at = time.monotonic() + self._retry_seconds
            self._watched(False)
            raise StoreGone from error
        if self._retry_at:
            log.info("Valkey answers again", extra={"event": "valkey_back"})
            self._retry_at = 0.0
        self._watched(True)
        return result
