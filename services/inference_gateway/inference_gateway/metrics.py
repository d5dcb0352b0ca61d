"""What is counted. Names and labels are a contract: canary analysis, autoscaling and alerts read them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

# One at 2.0, as the promised 95 % are under two seconds: a quantile within a bucket is a guess.
DURATIONS = (0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 2.5, 5, 10, 30)
ANSWERED_BY = ("model", "version", "track")


class Metrics:
    """All metrics of one process."""

    def __init__(self) -> None:
        """Register them, apart from any other process's or test's."""
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self.requests = Counter(
            "aip_requests", "Requests that were answered.", (*ANSWERED_BY, "code"), registry=registry
        )
        self.duration = Histogram(
            "aip_request_duration_seconds", "From request to end of answer.", ANSWERED_BY, buckets=DURATIONS,
            registry=registry,
        )  # fmt: skip
        self.first_token = Histogram(
            "aip_time_to_first_token_seconds", "From request to first piece of a stream.", ANSWERED_BY,
            buckets=DURATIONS, registry=registry,
        )  # fmt: skip
        self.tokens = Counter("aip_tokens", "Tokens read and written.", ("model", "kind"), registry=registry)
        self.cache = Counter("aip_cache", "Questions to the result cache.", ("result",), registry=registry)
        self.rate_limited = Counter(
            "aip_rate_limited", "Requests over a limit or quota.", ("model_class", "reason"), registry=registry
        )
        self.inflight = Gauge("aip_inflight", "Requests that are being answered.", registry=registry)
        self.local_limits = Counter(
            "aip_local_limit_decisions", "Requests decided by the local share, Valkey being gone.", registry=registry
        )
        self.gateways = Gauge("aip_gateways", "Gateways that share limits, when last counted.", registry=registry)
        self.valkey_up = Gauge("aip_valkey_up", "Whether Valkey answered when last asked.", registry=registry)
        self.model_ready = Gauge("aip_model_ready", "Whether a model's engine is there.", ("model",), registry=registry)
        self.observed = Counter(
            "aip_observed", "What questions and answers are like, by the bin that each falls into.",
            ("model", "version", "statistic", "bin"), registry=registry,
        )  # fmt: skip
        self.not_observed = Counter(
            "aip_not_observed", "Requests of which it could not be told what they are like.", registry=registry
        )
        self.client_gone = Counter("aip_client_gone", "Callers who left before the end.", ("model",), registry=registry)

    def written(self) -> bytes:
        """Return the metrics as Prometheus reads them."""
        return generate_latest(self._registry)
