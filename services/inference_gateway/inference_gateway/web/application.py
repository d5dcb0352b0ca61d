"""The application: which path is answered by what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from inference_gateway import __version__
from inference_gateway.parsing import PATHS, SCHEMAS, OperationName
from inference_gateway.web.asgi import Application
from inference_gateway.web.envelope import Envelope
from inference_gateway.web.openapi import REFUSALS, answers_of, body_of, lift_definitions
from inference_gateway.wiring import Gateway

DESCRIPTIONS: dict[OperationName, tuple[str, str]] = {
    "inference": (
        "Ask any model",
        "One operation for all models; the answer says which version of which track gave it.",
    ),
    "chat": ("Go on with a conversation", "OpenAI's chat completions; what an engine adds is passed on."),
    "completions": ("Go on with a text", "OpenAI's completions."),
    "embeddings": ("Turn texts into vectors", "OpenAI's embeddings."),
}


class DirectRoute(APIRoute):
    """A route that is described as FastAPI's are, and answered without its layers."""

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        """Take an endpoint that speaks ASGI."""
        super().__init__(path, _described, **options)
        self.app = endpoint


def make_application(gateway: Gateway) -> Application:
    """Return the application of a gateway."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with gateway.running():
            yield

    api = FastAPI(
        title="Inference gateway",
        version=__version__,
        description="Models of the site, in OpenAI's shapes and by one operation of our own.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    _add_operations(api, gateway)
    _add_health(api, gateway)
    api.add_exception_handler(HTTPException, _refused)
    api.openapi = partial(_document, api)  # type: ignore[method-assign]
    return Envelope(api, gateway.lifecycle, gateway.metrics)


def _add_operations(api: FastAPI, gateway: Gateway) -> None:
    for name, schema in SCHEMAS.items():
        path = "/v1/inference" if name == "inference" else PATHS[name]
        api.router.routes.append(_operation(path, name, schema, gateway))
    for path in ("/v1/models", "/v1/models/{name:path}"):
        described: Any = {"responses": {401: REFUSALS[401], 404: REFUSALS[404]}, "tags": ["models"]}
        api.router.routes.append(
            DirectRoute(
                path,
                gateway.endpoints.models,
                methods=["GET"],
                summary="What can be asked",
                description="The models that the caller's tenant may use.",
                **described,
            )
        )


def _operation(path: str, name: OperationName, schema: type[BaseModel], gateway: Gateway) -> DirectRoute:
    return DirectRoute(
        path,
        partial(gateway.endpoints.handle, name),
        methods=["POST"],
        name=name,
        summary=DESCRIPTIONS[name][0],
        description=DESCRIPTIONS[name][1],
        tags=["inference"],
        responses=answers_of(schema),
        openapi_extra=body_of(schema),
    )


def _add_health(api: FastAPI, gateway: Gateway) -> None:
    def answer(good: bool, **details: Any) -> Response:
        return JSONResponse({"status": "ok" if good else "unavailable", **details}, 200 if good else 503)

    @api.get("/health/startup", tags=["health"], summary="Whether the service has started")
    async def startup() -> Response:
        return answer(gateway.lifecycle.started)

    @api.get("/health/live", tags=["health"], summary="Whether the process answers")
    async def live() -> Response:
        return answer(True)

    @api.get("/health/ready", tags=["health"], summary="Whether requests are welcome")
    async def ready() -> Response:
        missing = gateway.missing()
        return answer(not missing, missing=missing)

    @api.get("/metrics", tags=["health"], summary="Metrics, for Prometheus")
    async def metrics() -> Response:
        return Response(gateway.metrics.written(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    description = {"message": str(error.detail), "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": description}, error.status_code, error.headers)


async def _described() -> None:
    """Stand in the description where a direct route answers."""


def _document(api: FastAPI) -> dict[str, Any]:
    if api.openapi_schema is None:
        made = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
        made["components"] = {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}}
        made["security"] = [{"key": []}]
        api.openapi_schema = lift_definitions(made)
    return api.openapi_schema
