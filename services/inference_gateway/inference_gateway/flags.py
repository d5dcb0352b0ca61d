"""Feature flags: a kill switch, another model behind a name, a sticky split. Flagd's file format, no flag server.

Each model has three flags, all of which may be missing:

    model.NAME.enabled   boolean, true     whether it is served
    model.NAME.target    string, NAME      the model that answers to this name
    model.NAME.variant   string, ""        sent to the engine's router as x-aip-variant
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from inference_gateway.errors import SettingsInvalid

log = logging.getLogger(__name__)

LOOK_MILLISECONDS = 500
REMEMBER_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Route:
    """Where a caller's request for a model goes."""

    enabled: bool
    target: str
    variant: str


class Flags:
    """Routes without a file of flags: every model is served by itself."""

    def route(self, model: str, tenant: str, subject: str) -> Route:  # noqa: ARG002
        """Return where a request goes."""
        return Route(True, model, "")

    @property
    def good(self) -> bool:
        """Whether the flags can be relied on."""
        return True

    def close(self) -> None:
        """Stop looking for changes."""


class FileFlags(Flags):
    """Routes by a file of flags that may change at any time."""

    def __init__(self, path: Path) -> None:
        """Read the flags.

        Raises:
            SettingsInvalid: they cannot be read.
        """
        # 14 MiB of memory (gRPC comes with it) that a site without flags does not need.
        from openfeature import api
        from openfeature.contrib.provider.flagd import FlagdProvider
        from openfeature.contrib.provider.flagd.config import ResolverType
        from openfeature.evaluation_context import EvaluationContext
        from openfeature.event import EventDetails, ProviderEvent
        from openfeature.exception import OpenFeatureError
        from openfeature.provider import ProviderStatus

        self._context = EvaluationContext
        self._ready = ProviderStatus.READY
        self._routes: dict[tuple[str, str, str], Route] = {}
        self._told = False
        if not path.exists():
            raise SettingsInvalid(f"{path} is missing. Mount the feature flags, or leave files.flags empty.")

        def changed(_: EventDetails) -> None:
            self._routes, self._told = {}, False
            log.info("feature flags were read again", extra={"event": "flags_reloaded"})

        def damaged(details: EventDetails) -> None:
            # The provider tells it twice a second.
            if not self._told:
                self._told = True
                log.error("feature flags cannot be read; those before hold", extra={"reason": details.message})

        provider = FlagdProvider(
            resolver_type=ResolverType.IN_PROCESS, offline_flag_source_path=str(path), deadline_ms=LOOK_MILLISECONDS
        )
        try:
            api.set_provider_and_wait(provider)
        except OpenFeatureError as error:
            api.shutdown()
            raise SettingsInvalid(f"{path} holds no feature flags in flagd's format: {error.__cause__}") from error
        self._client = api.get_client()
        self._client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, changed)
        self._client.add_handler(ProviderEvent.PROVIDER_ERROR, damaged)
        self._shutdown = api.shutdown

    @property
    def good(self) -> bool:
        """Whether the file could be read when it was last looked at."""
        return self._client.get_provider_status() == self._ready

    def route(self, model: str, tenant: str, subject: str) -> Route:
        """Return where a request goes; the same subject goes the same way until the flags change."""
        # The dictionary of before the evaluation: a change in between must not leave an old route in the new one.
        routes = self._routes
        known = routes.get((model, tenant, subject))
        if known is not None:
            return known
        context = self._context(targeting_key=subject, attributes={"tenant": tenant, "model": model})
        route = Route(
            self._client.get_boolean_value(f"model.{model}.enabled", True, context),
            self._client.get_string_value(f"model.{model}.target", model, context),
            self._client.get_string_value(f"model.{model}.variant", "", context),
        )
        if len(routes) < REMEMBER_MOST:
            routes[model, tenant, subject] = route
        return route

    def close(self) -> None:
        """Stop looking for changes."""
        self._shutdown()
