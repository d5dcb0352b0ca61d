"""A Harbor in memory, behind a server that lets nothing in or out but what Harbor's own OpenAPI document describes.

What is judged is connexion's to judge; here is only what a Harbor would remember. Who asks is checked here too, as the
document lets anybody ask anything.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from tests.integration.harbor.fake_harbor import MADE, NOTHING, FakeHarbor, error

with warnings.catch_warnings():
    # Of how it is made, which is its makers' to mend: a client for tests that nothing here uses, and a resolver.
    warnings.filterwarnings("ignore", message="Using `httpx` with `starlette")
    warnings.filterwarnings("ignore", message=r"jsonschema\..* is deprecated")
    import connexion
    from connexion.resolver import Resolver

CHALLENGE = (b"www-authenticate", b'Bearer realm="https://127.0.0.1/service/token",service="harbor-registry"')


def as_the_server_reads_it(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with any value where it says `type: object` and means any, as its own examples show."""
    for name, field in (("Schedule", "parameters"), ("RetentionRule", "params"), ("ImmutableRule", "params")):
        document["definitions"][name]["properties"][field]["additionalProperties"] = True
    # Who asks is checked by the stand-in.
    del document["security"], document["securityDefinitions"]
    return document


def _scheduled(harbor: FakeHarbor, name: str) -> dict[str, Callable[..., Any]]:
    """Return the operations of something done by the clock."""

    def tell() -> Any:
        found = harbor.schedules.get(name)
        return found or {}

    def take(schedule: dict[str, Any]) -> Any:
        harbor.schedules[name] = {
            "schedule": schedule["schedule"], "job_parameters": json.dumps(schedule.get("parameters", {}))
        }  # fmt: skip
        return NOTHING

    def make(schedule: dict[str, Any]) -> Any:
        take(schedule)
        return MADE

    return {f"get{name}": tell, f"create{name}": make, f"update{name}": take}


def _operations(harbor: FakeHarbor) -> Callable[[str], Callable[..., Any]]:
    timed = {
        key: value for name in ("GCSchedule", "ScanAllSchedule", "PurgeSchedule")
        for key, value in _scheduled(harbor, name).items()
    }  # fmt: skip

    def find(operation: str) -> Callable[..., Any]:
        act: Callable[..., Any] | None = timed.get(operation) or getattr(harbor, operation, None)

        def answer(**given: Any) -> Any:
            harbor.asked.append(operation)
            if operation != "getHealth" and not harbor.knows(connexion.request.headers.get("authorization", "")):
                return error(401, "unauthorized")
            if act is None:
                return error(500, f"the stand-in does not know {operation}")
            return act(**given)

        return answer

    return find


def application(harbor: FakeHarbor, document: dict[str, Any], front: Any = None) -> Any:
    """Return the server's application: the API, judged by its document, and what answers images' clients.

    Args:
        front: answers those; without, they may log in and nothing else.
    """
    app = connexion.AsyncApp("harbor")
    app.add_api(
        as_the_server_reads_it(document), resolver=Resolver(_operations(harbor)), validate_responses=True,
        strict_validation=True,
    )  # fmt: skip

    async def serve(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        await (app if scope["type"] != "http" or path.startswith("/api/") else front or log_in)(scope, receive, send)

    async def log_in(scope: Mapping[str, Any], _receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        is_known = harbor.knows(headers.get("authorization", ""))
        status = 200 if scope["path"].startswith("/service/token") and is_known else 401
        await send({"type": "http.response.start", "status": status, "headers": [CHALLENGE]})
        await send({"type": "http.response.body", "body": b"{}"})

    return serve


@contextmanager
def served(app: Any, authority: Path) -> Iterator[int]:
    """Yield the port on loopback on which an application is served behind TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, log_level="error", lifespan="off", ssl_certfile=str(authority),
            ssl_keyfile=str(authority.with_suffix(".key")), ssl_version=ssl.PROTOCOL_TLS_SERVER,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
