"""Count the gateways that are ready, by asking name servers, while Valkey cannot say how many there are."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver

from inference_gateway.engine_names import KeepingResolver

# A name server that is there answers in less; whoever waits for it does nothing else meanwhile.
PATIENCE_SECONDS = 1.0


class ReadyGateways:
    """A name that has an address for each gateway that is ready, as a Service without an address of its own has.

    Args:
        name: it; empty where there is none.
        asked: who asks name servers; the machine's own way where none is given.
    """

    def __init__(self, name: str, asked: AbstractResolver | None = None) -> None:
        self._name = name
        self._asked = asked
        self._names: KeepingResolver | None = None

    async def count(self) -> int:
        """Return how many are ready, as far as was said last; 0 where nobody ever said."""
        if not self._name:
            return 0
        if self._names is None:
            # Not before there is an event loop.
            self._names = KeepingResolver(self._asked or ThreadedResolver())
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                return len({found["host"] for found in await self._names.resolve(self._name)})
        return 0
