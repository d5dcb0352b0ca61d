"""Answer a question: who may ask, which model answers, from the cache or from an engine, within its time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from inference_gateway.admission import Admission, Claim
from inference_gateway.answers import Answer, Usage
from inference_gateway.engines import Engines
from inference_gateway.errors import EngineFailed, EngineTimedOut, ModelNotReady, ModelUnknown
from inference_gateway.event_stream import EventReader, EventTooLarge, InferenceEvents
from inference_gateway.exchange import Exchange
from inference_gateway.flags import Flags, Route
from inference_gateway.identity import Identity
from inference_gateway.metrics import Metrics
from inference_gateway.origin import Origin
from inference_gateway.parsing import EngineCall, Question, call_for
from inference_gateway.result_cache import ResultCache
from inference_gateway.settings import Model, Settings
from inference_gateway.single_flight import SingleFlight

log = logging.getLogger(__name__)

SWITCHED_OFF_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Which model is asked, and what."""

    question: Question
    identity: Identity
    name: str
    model: Model
    call: EngineCall
    headers: dict[str, str]


class Inference:
    """Answers questions."""

    def __init__(
        self,
        settings: Settings,
        admission: Admission,
        flags: Flags,
        engines: Engines,
        cache: ResultCache,
        metrics: Metrics,
    ) -> None:
        """Take who decides, who answers and who remembers."""
        self._settings = settings
        self._timeouts = settings.timeouts
        self._admission = admission
        self._flags = flags
        self._engines = engines
        self._cache = cache
        self._metrics = metrics
        self._flights: SingleFlight[Answer] = SingleFlight()
        self._names = {alias: name for name, model in settings.models.items() for alias in (name, *model.aliases)}

    async def plan(self, exchange: Exchange, identity: Identity, question: Question) -> Plan:
        """Return what is to be done for a question, once it may be asked.

        Raises:
            GatewayError: it may not, or there is nobody to ask.
        """
        named, route = self._route(identity, question)
        name = route.target
        model = self._settings.models[name]
        exchange.origin = Origin(name, model.version, "none")
        exchange.call = call = call_for(question, model, name)
        await self._admit(exchange, identity, self._settings.models[named].model_class)
        if identity.tenant.log_prompts:
            log.info("prompt", extra={"event": "prompt", "tenant": identity.tenant_name, "body": question.body})
        headers = {"content-type": "application/json", "x-request-id": exchange.request_id}
        if route.variant:
            headers["x-aip-variant"] = route.variant
        headers.update(exchange.span.headers(exchange.headers))
        return Plan(question, identity, name, model, call, headers)

    async def answer(self, exchange: Exchange, plan: Plan) -> Answer:
        """Return a whole answer.

        Raises:
            EngineTimedOut: the time is over; the engine's request is cancelled unless another waits for the same.
            GatewayError: the engine has no answer.
        """
        exchange.origin = Origin(plan.name, plan.model.version, "unknown")
        try:
            async with asyncio.timeout(self._timeouts.answer_seconds - exchange.age):
                answer = await self._known_or_asked(exchange, plan)
        except TimeoutError as error:
            raise EngineTimedOut(f"No answer came within {self._timeouts.answer_seconds:g} s.") from error
        exchange.origin, exchange.usage, exchange.sample = answer.origin, answer.usage, answer.sample
        if exchange.cache not in ("hit", "joined"):
            self._admission.spend(plan.identity.tenant_name, answer.usage.total)
        return answer

    async def stream(self, exchange: Exchange, plan: Plan, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Write an answer's events as they come.

        Raises:
            EngineTimedOut: the first piece, the next piece or the end was waited for too long.
            GatewayError: the engine has no answer, or broke off.
        """
        reader = EventReader(show_usage=plan.question.wants_usage)
        exchange.origin = Origin(plan.name, plan.model.version, "unknown")
        try:
            await self._relay(exchange, plan, reader, write)
            if not reader.done:
                raise EngineFailed("The engine ended its answer before the end.")
        except EventTooLarge as error:
            raise EngineFailed("The engine sent an event without an end.") from error
        finally:
            # Who leaves in the middle has had what came until then; engines tell the usage only at the end.
            exchange.stream_head = reader.head
            exchange.estimated = reader.usage is None
            exchange.usage = reader.usage or Usage(0, reader.events)
            self._admission.spend(plan.identity.tenant_name, exchange.usage.total)

    def names_for(self, identity: Identity) -> list[str]:
        """Return the models that a caller may name."""
        return [name for name in self._settings.models if self._may_use(identity, name)]

    def _route(self, identity: Identity, question: Question) -> tuple[str, Route]:
        name = self._names.get(question.model)
        if name is None or not self._may_use(identity, name):
            raise ModelUnknown(f"There is no model {question.model!r}.", param="model")
        route = self._flags.route(name, identity.tenant_name, identity.subject)
        if not route.enabled:
            raise ModelNotReady(f"The model {name!r} is switched off.", retry_after=SWITCHED_OFF_SECONDS)
        if route.target not in self._settings.models:
            log.error("a flag names a model that is not there", extra={"model": name, "target": route.target})
            return name, Route(True, name, route.variant)
        return name, route

    def _may_use(self, identity: Identity, name: str) -> bool:
        return identity.tenant.models is None or name in identity.tenant.models

    async def _admit(self, exchange: Exchange, identity: Identity, model_class: str) -> None:
        tenant = identity.tenant
        claim = Claim(
            exchange.request_id,
            identity.tenant_name,
            identity.subject,
            model_class,
            self._settings.limit(tenant, model_class),
            self._settings.limits.window_seconds,
            tenant.requests_per_day,
            tenant.tokens_per_day,
        )
        decision = await self._admission.admit(claim)
        exchange.limit_headers = decision.headers()
        if not decision.admitted:
            self._metrics.rate_limited.labels(model_class, decision.reason).inc()
            raise decision.refusal(datetime.now(UTC))

    async def _known_or_asked(self, exchange: Exchange, plan: Plan) -> Answer:
        call, tenant = plan.call, plan.identity.tenant_name
        key = self._cache.key(plan.model.digest, call.offer, tenant, call.body)
        if key is None:
            return await self._engines.answer(plan.name, call, plan.headers)
        known = await self._cache.find(key)
        if known is not None:
            exchange.cache = "hit"
        else:
            known, joined = await self._flights.join(key, lambda: self._ask_and_keep(plan))
            exchange.cache = "joined" if joined else "miss"
        self._metrics.cache.labels(exchange.cache).inc()
        return known

    async def _ask_and_keep(self, plan: Plan) -> Answer:
        answer = await self._engines.answer(plan.name, plan.call, plan.headers)
        # Under the digest of the model that did answer, which may be the canary's.
        key = self._cache.key(answer.origin.digest, plan.call.offer, plan.identity.tenant_name, plan.call.body)
        if key is not None:
            await self._cache.keep(key, answer)
        return answer

    async def _relay(
        self, exchange: Exchange, plan: Plan, reader: EventReader, write: Callable[[bytes], Awaitable[None]]
    ) -> None:
        loop, times = asyncio.get_running_loop(), self._timeouts
        late = f"Nothing came within {times.first_token_seconds:g} s."
        try:
            async with (
                asyncio.timeout(times.stream_seconds) as whole,
                asyncio.timeout(times.first_token_seconds) as next_one,
            ):
                async with self._engines.stream(plan.name, plan.call, plan.headers) as (origin, chunks):
                    exchange.origin = origin
                    feed = self._feeder(exchange, plan, reader)
                    async for chunk in chunks:
                        late = f"Nothing more came for {times.idle_seconds:g} s."
                        next_one.reschedule(loop.time() + times.idle_seconds)
                        if events := feed(chunk):
                            if exchange.first_token_seconds is None:
                                exchange.first_token_seconds = exchange.age
                            await write(events)
        except TimeoutError as error:
            if whole.expired():
                late = f"The stream was longer than {times.stream_seconds:g} s."
            raise EngineTimedOut(late) from error

    def _feeder(self, exchange: Exchange, plan: Plan, reader: EventReader) -> Callable[[bytes], bytes]:
        if plan.question.operation != "inference":
            return reader.feed
        origin = exchange.origin
        about = {"model": origin.model, "version": origin.version, "track": origin.track}
        return InferenceEvents(reader, about).feed
