"""Do equal work once for all who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


@dataclass(slots=True)
class _Flight(Generic[Result]):
    task: asyncio.Task[Result]
    waiting: int = 0


class SingleFlight(Generic[Result]):
    """Work under way, by its key. Each who waits has a patience of his own; when the last gives up, it is cancelled."""

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self._flights: dict[str, _Flight[Result]] = {}

    async def join(self, key: str, work: Callable[[], Coroutine[Any, Any, Result]]) -> tuple[Result, bool]:
        """Return the result, and whether somebody else had begun it."""
        flight = self._flights.get(key)
        joined = flight is not None
        if flight is None:
            flight = _Flight(asyncio.create_task(work()))
            self._flights[key] = flight
            flight.task.add_done_callback(lambda _: self._flights.pop(key, None))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task), joined
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                # Out of the list at once, or one who comes now would wait for what is being cancelled.
                self._flights.pop(key, None)
                flight.task.cancel()
