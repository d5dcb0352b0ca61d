"""Put the parts together, and run what goes on beside requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from inference_gateway.admission import Admission, LocalAdmission, ValkeyAdmission
from inference_gateway.engines import Engines
from inference_gateway.exchange import Reporter
from inference_gateway.flags import FileFlags, Flags
from inference_gateway.identity import Authenticator
from inference_gateway.inference import Inference
from inference_gateway.metrics import Metrics
from inference_gateway.observations import Observations
from inference_gateway.ready_gateways import ReadyGateways
from inference_gateway.result_cache import ResultCache
from inference_gateway.settings import Settings
from inference_gateway.tokens import TokenVerifier
from inference_gateway.traces import Traces, make_traces
from inference_gateway.valkey_store import ValkeyStore
from inference_gateway.web.endpoints import Endpoints
from inference_gateway.web.lifecycle import Lifecycle

SETTLE_SECONDS = 1.0


@dataclass(slots=True)
class Gateway:
    """All parts of one process."""

    settings: Settings
    metrics: Metrics
    store: ValkeyStore | None
    authenticator: Authenticator
    admission: Admission
    flags: Flags
    engines: Engines
    reporter: Reporter
    traces: Traces
    endpoints: Endpoints
    lifecycle: Lifecycle = field(default_factory=Lifecycle)

    def missing(self) -> list[str]:
        """Return why requests are not welcome; Valkey is no reason, as limits are kept without it."""
        reasons = {
            "draining": self.lifecycle.draining,
            "starting": not self.lifecycle.started,
            "flags": not self.flags.good,
            "models": not any(self.engines.ready.values()),
        }
        return [reason for reason, holds in reasons.items() if holds]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run what goes on beside requests."""
        await self.engines.open()
        beside = [asyncio.create_task(work) for work in self._beside()]
        self.lifecycle.started = True
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            for task in beside:
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await self._close()

    def _beside(self) -> list[Coroutine[Any, Any, None]]:
        def told(name: str, ready: bool) -> None:
            self.metrics.model_ready.labels(name).set(ready)

        work = [self.authenticator.watch(), self.engines.probe(self.settings.probe_seconds, told)]
        if isinstance(self.admission, ValkeyAdmission):
            work.append(_again_and_again(self.admission))
        return work

    async def _close(self) -> None:
        if isinstance(self.admission, ValkeyAdmission):
            await self.admission.settle()
        await self.engines.close()
        if self.store is not None:
            await self.store.close()
        self.flags.close()
        self.reporter.close()
        await asyncio.to_thread(self.traces.close)


def make_gateway(settings: Settings) -> Gateway:
    """Return the gateway that settings describe.

    Raises:
        SettingsInvalid: a file that they name is missing or damaged.
    """
    metrics = Metrics()
    store = ValkeyStore(settings.valkey, metrics.valkey_up.set) if settings.valkey.url else None
    local = LocalAdmission(settings.limits.replicas)
    admission: Admission = local
    if store is not None:
        names = ReadyGateways(settings.limits.gateways)
        admission = ValkeyAdmission(store, local, metrics.local_limits.inc, metrics.gateways.set, names.count)
    flags = FileFlags(settings.files.flags) if settings.files.flags else Flags()
    tokens = TokenVerifier(settings.jwt) if settings.jwt.issuer else None
    authenticator = Authenticator(settings, store, tokens)
    authenticator.load()
    engines = Engines(settings)
    observe = Observations(metrics, settings).observe
    reporter = Reporter(metrics, settings.files.usage, observe, access_log=settings.telemetry.access_log)
    traces = make_traces(settings.telemetry)
    inference = Inference(settings, admission, flags, engines, ResultCache(settings.cache, store), metrics)
    endpoints = Endpoints(settings, authenticator, inference, reporter, traces)
    return Gateway(settings, metrics, store, authenticator, admission, flags, engines, reporter, traces, endpoints)


async def _again_and_again(admission: ValkeyAdmission) -> None:
    while True:
        # First of all: whoever has met nobody grants the least share.
        await admission.meet()
        await asyncio.sleep(SETTLE_SECONDS)
        await admission.settle()
