"""The registry behind TLS: one worker, with threads."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

from model_registry.accounts import Accounts
from model_registry.catalog import Catalog
from model_registry.door import Door
from model_registry.settings import Settings


class Server(BaseApplication):  # type: ignore[misc] # gunicorn tells no types
    """Gunicorn, told by us alone: no arguments, no file, no environment.

    Args:
        settings: how it runs.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Tell gunicorn what it is to do."""
        settings = self._settings
        told = {
            "bind": f"{settings.host}:{settings.port}", "workers": 1, "worker_class": "gthread",
            "threads": settings.threads, "certfile": str(settings.certificate), "keyfile": str(settings.key),
            "ssl_context": _context, "timeout": 60, "graceful_timeout": 20, "keepalive": 5,
            "worker_tmp_dir": "/tmp", "control_socket_disable": True, "accesslog": None, "proc_name": "model-registry",
        }  # fmt: skip
        for name, value in told.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Door:
        """Return the application, in the worker."""
        catalog = Catalog(self._settings.database_url)
        catalog.begin()
        return Door(Accounts(self._settings.accounts_file), catalog, self._settings.backup_file)


def serve(settings: Settings) -> None:
    """Serve until told to end."""
    Server(settings).run()


def _context(_configuration: Any, usual: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return how TLS is spoken; called for each connection, so that a renewed certificate is shown at once."""
    context = usual()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
