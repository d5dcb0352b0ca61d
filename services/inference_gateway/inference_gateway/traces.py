"""Traces by OpenTelemetry, where a site has a place to send them to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from inference_gateway import __version__
from inference_gateway.settings import Telemetry

TRACE_HEADERS = ("traceparent", "tracestate")


class Span:
    """A span that goes nowhere."""

    def note(self, attributes: Mapping[str, str | int | bool]) -> None:
        """Add what is known about the request."""

    def headers(self, incoming: Mapping[str, str]) -> dict[str, str]:
        """Return what tells the engine which trace it belongs to: the caller's own."""
        return {name: incoming[name] for name in TRACE_HEADERS if name in incoming}


class Traces:
    """Makes spans that go nowhere."""

    _none: AbstractContextManager[Span] = nullcontext(Span())

    def span(self, name: str, incoming: Mapping[str, str]) -> AbstractContextManager[Span]:  # noqa: ARG002
        """Return a span around one request."""
        return self._none

    def close(self) -> None:
        """Send what is left."""


class OpenTelemetryTraces(Traces):
    """Sends spans to a collector."""

    def __init__(self, settings: Telemetry) -> None:
        """Take where they go."""
        # Only where traces are sent: the packages cost memory and a second at the start.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create({"service.name": settings.service_name, "service.version": __version__})
        self._provider = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(endpoint=settings.otlp_endpoint.rstrip("/") + "/v1/traces", timeout=5)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self._tracer = self._provider.get_tracer(__name__)

    @contextmanager
    def span(self, name: str, incoming: Mapping[str, str]) -> Iterator[Span]:
        """Return a span around one request, part of the caller's trace if there is one."""
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        parent = TraceContextTextMapPropagator().extract(dict(incoming))
        with self._tracer.start_as_current_span(name, context=parent, kind=SpanKind.SERVER) as span:

            class Recorded(Span):
                def note(self, attributes: Mapping[str, str | int | bool]) -> None:
                    span.set_attributes(dict(attributes))

                def headers(self, incoming: Mapping[str, str]) -> dict[str, str]:  # noqa: ARG002
                    carrier: dict[str, str] = {}
                    TraceContextTextMapPropagator().inject(carrier)
                    return carrier

            yield Recorded()

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def make_traces(settings: Telemetry) -> Traces:
    """Return what makes spans."""
    return OpenTelemetryTraces(settings) if settings.otlp_endpoint else Traces()
