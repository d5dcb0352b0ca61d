"""The gateway before a clock that its test moves, so that half a minute is over when the test says so.

Standard input is a socket: each line that comes in moves the clock ahead by so many seconds, and is
answered when everything that became due has run.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

TEST = 0
ahead = 0.0
_monotonic, _perf_counter = time.monotonic, time.perf_counter
# Before anything is imported that takes a clock along. What day it is stays the machine's.
time.monotonic = lambda: _monotonic() + ahead
time.perf_counter = lambda: _perf_counter() + ahead


def loop_factory(*, use_subprocess: bool = False) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the loop, as uvicorn asks for it."""
    return make_loop


def make_loop() -> asyncio.AbstractEventLoop:
    """Return a loop that listens to the test. It is Python's own: uvloop takes its time from the machine."""
    loop = asyncio.SelectorEventLoop()

    def move() -> None:
        global ahead
        said = os.read(TEST, 64)
        if not said:
            loop.remove_reader(TEST)
            return
        ahead += float(said)
        # Timers that are due run in the next round, and what they wake in the one after it.
        loop.call_soon(lambda: loop.call_soon(lambda: loop.call_soon(os.write, TEST, b"moved\n")))

    loop.add_reader(TEST, move)
    return loop


def main() -> None:
    """Serve."""
    from inference_gateway.cli import main as command
    from uvicorn import config

    config.LOOP_FACTORIES["uvloop"] = f"{__name__}:loop_factory"
    command(["serve"])
