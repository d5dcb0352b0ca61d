"""Addresses of engines. What a name meant is good enough while nobody says what it means now."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from aiohttp.abc import AbstractResolver, ResolveResult

log = logging.getLogger(__name__)

FRESH_SECONDS = 5.0
# A name server that is there answers in less; one on a host that is gone lets callers wait for tens of seconds.
PATIENCE_SECONDS = 0.25


class KeepingResolver(AbstractResolver):
    """Asks name servers, and keeps what they said last: names in a cluster seldom get another address.

    Args:
        asked: who asks name servers.
        now: tells the time, in seconds.
    """

    def __init__(self, asked: AbstractResolver, now: Callable[[], float] = time.monotonic) -> None:
        self._asked = asked
        self._now = now
        self._known: dict[tuple[str, int, int], tuple[float, list[ResolveResult]]] = {}
        self._asking: dict[tuple[str, int, int], asyncio.Task[list[ResolveResult]]] = {}

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return a name's addresses.

        Raises:
            OSError: there are none, and it never had any.
        """
        name = (host, port, family)
        since, known = self._known.get(name, (0.0, []))
        if known and self._now() - since < FRESH_SECONDS:
            return known
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = asyncio.create_task(self._ask(name))
            asking.add_done_callback(lambda task: self._asked_for(name, task))
        if not known:
            return await asyncio.shield(asking)
        # Whoever waits for it longer than this has what is known; the question goes on.
        await asyncio.wait([asking], timeout=PATIENCE_SECONDS)
        return self._known[name][1]

    async def close(self) -> None:
        """Ask nothing more."""
        for task in list(self._asking.values()):
            task.cancel()
        await self._asked.close()

    async def _ask(self, name: tuple[str, int, int]) -> list[ResolveResult]:
        found = await self._asked.resolve(name[0], name[1], name[2])  # type: ignore[arg-type]
        if found:
            self._known[name] = (self._now(), found)
        return found

    def _asked_for(self, name: tuple[str, int, int], task: asyncio.Task[list[ResolveResult]]) -> None:
        self._asking.pop(name, None)
        if not task.cancelled() and (problem := task.exception()) is not None:
            log.warning(
                "a name has no address", extra={"event": "name_unknown", "host": name[0], "problem": repr(problem)}
            )
