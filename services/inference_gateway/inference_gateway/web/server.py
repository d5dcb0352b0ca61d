"""Serve until told to leave, and leave without losing a request."""

from __future__ import annotations

import asyncio
import logging
import signal
from types import FrameType

import uvicorn

from inference_gateway.settings import Settings
from inference_gateway.web.asgi import Application
from inference_gateway.web.lifecycle import Lifecycle
from inference_gateway.web.protocol import guarded

log = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """On SIGTERM it says that it is not ready and goes on answering, until routers have turned to others."""

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_seconds: float) -> None:
        """Take how long routers are given."""
        super().__init__(config)
        self._lifecycle = lifecycle
        self._drain_seconds = drain_seconds

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Begin to listen."""
        await super().startup(sockets)  # type: ignore[arg-type]
        self._loop = asyncio.get_running_loop()
        for server in self.servers:
            for socket in server.sockets:
                log.info("listening", extra={"event": "listening", "address": str(socket.getsockname())})

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain, or end at once when told a second time or by Ctrl-C."""
        if sig != signal.SIGTERM or self._lifecycle.draining or not self.started:
            super().handle_exit(sig, frame)
            return
        self._lifecycle.draining = True
        log.info("draining", extra={"event": "draining", "seconds": self._drain_seconds})
        self._loop.call_soon_threadsafe(self._loop.call_later, self._drain_seconds, self._leave)

    def _leave(self) -> None:
        self.should_exit = True


def make_server(application: Application, settings: Settings, lifecycle: Lifecycle) -> DrainingServer:
    """Return the server of one process; there is one process a pod, as memory is what a pod scales by."""
    config = uvicorn.Config(
        application,
        host=settings.server.host,
        port=settings.server.port,
        loop="uvloop",
        http=guarded(settings.sizes.header_bytes, settings.timeouts.headers_seconds),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=settings.server.keep_alive_seconds,
        timeout_graceful_shutdown=settings.server.shutdown_seconds,
        backlog=1024,
    )
    return DrainingServer(config, lifecycle, settings.server.drain_seconds)
