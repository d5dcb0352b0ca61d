"""Count how questions and answers are, so that somebody notices when they become others; nothing of them is kept.

Each observation falls into one of a fixed number of bins. Bins are counters, not the buckets of a histogram: shares of
them at two times are what a population stability index is made of, and kinds have no order anyway.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client import Counter

from inference_gateway.directions import DIRECTIONS, measured
from inference_gateway.exchange import Exchange
from inference_gateway.languages import LANGUAGES, language_of
from inference_gateway.metrics import Metrics
from inference_gateway.refusals import is_refusal
from inference_gateway.samples import Sample, asked_text, sample_of_stream
from inference_gateway.settings import Model, Settings

log = logging.getLogger(__name__)

# Upper bounds of bins; above the last is one more.
TOKENS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
# Many engines make every vector as long as one.
LENGTHS = (0.5, 0.99, 1.01, 2, 4, 6, 8, 12, 16, 24, 32, 64)
COSINES = (-1.5, -1.25, -1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5)
ABOVE = "more"
ANSWERED, REFUSED, SILENT = "answered", "refused", "no text"
KINDS = (ANSWERED, REFUSED, SILENT)
# An engine names its version itself: one that names a new one each time must not fill the memory.
MOST_VERSIONS = 20
OTHERS = "other"

INPUT_TOKENS, OUTPUT_TOKENS, LANGUAGE, ANSWER, LENGTH = (
    "input_tokens", "output_tokens", "language", "answer", "vector_length",
)  # fmt: skip


class ShapeUnknown(Exception):
    """An engine's answer is of no shape that is known."""


class Observations:
    """Counts what is observed of each model and version."""

    def __init__(self, metrics: Metrics, settings: Settings) -> None:
        """Take where it is counted, and which models there are.

        Their counters begin at nothing, and not with their first observation: an increase would miss that.
        """
        self._metrics = metrics
        self._models = settings.models
        self._bins: dict[str, dict[str, _Bins]] = {}
        for name, model in settings.models.items():
            for release in (model, model.canary):
                if release is model or release.version:
                    self._of(name, release.version)

    def observe(self, exchange: Exchange) -> None:
        """Count a request that was answered; whatever goes wrong here, goes wrong for nobody else."""
        try:
            self._observe(exchange)
        except Exception as error:
            # Its kind alone is told: what it says may hold a piece of the question.
            self._metrics.not_observed.inc()
            log.warning("a request was not observed", extra={"event": "not_observed", "kind": type(error).__name__})

    def _observe(self, exchange: Exchange) -> None:
        call, usage = exchange.call, exchange.usage
        if exchange.status != 200 or call is None:
            return
        bins = self._of(exchange.origin.model, exchange.origin.version)
        if usage.prompt:
            bins.add(INPUT_TOKENS, _bin_of(usage.prompt, TOKENS))
        if (text := asked_text(call.body, len(call.raw))) is not None:
            bins.add(LANGUAGE, language_of(text))
        # One that is given again says nothing of how the model answers now.
        if exchange.cache in ("hit", "joined"):
            return
        if exchange.stream_head and (call.body.get("n") or 1) > 1:
            # Several answers that come bit by bit, each between the others.
            return
        sample = sample_of_stream(exchange.stream_head) if exchange.stream_head else exchange.sample
        if sample is None:
            raise ShapeUnknown
        if call.offer == "embeddings":
            _observe_vector(sample, bins)
        else:
            _observe_answer(exchange, sample, bins)

    def _of(self, model: str, version: str) -> _Bins:
        versions = self._bins.setdefault(model, {})
        if version not in versions and len(versions) >= MOST_VERSIONS:
            version = OTHERS
        if version not in versions:
            versions[version] = _Bins(self._metrics.observed, model, version, _statistics(self._models[model]))
        return versions[version]


class _Bins:
    """The counters of one version of a model."""

    def __init__(
        self, counter: Counter, model: str, version: str, statistics: Iterable[tuple[str, Sequence[str]]]
    ) -> None:
        self._counters = {
            (statistic, name): counter.labels(model, version, statistic, name)
            for statistic, names in statistics
            for name in names
        }

    def add(self, statistic: str, name: str) -> None:
        """Count one."""
        self._counters[statistic, name].inc()


def _observe_answer(exchange: Exchange, sample: Sample, bins: _Bins) -> None:
    if exchange.usage.completion and not exchange.estimated:
        bins.add(OUTPUT_TOKENS, _bin_of(exchange.usage.completion, TOKENS))
    if sample.refused or (sample.start and is_refusal(sample.start)):
        bins.add(ANSWER, REFUSED)
    else:
        bins.add(ANSWER, ANSWERED if sample.start else SILENT)


def _observe_vector(sample: Sample, bins: _Bins) -> None:
    if sample.vector is None:
        return
    length, cosines = measured(sample.vector)
    bins.add(LENGTH, _bin_of(length, LENGTHS))
    for number, cosine in enumerate(cosines):
        bins.add(_direction(number), _bin_of(cosine, COSINES))


def _statistics(model: Model) -> Iterable[tuple[str, Sequence[str]]]:
    yield INPUT_TOKENS, _names(TOKENS)
    yield LANGUAGE, LANGUAGES
    if model.offers & {"chat", "completions"}:
        yield OUTPUT_TOKENS, _names(TOKENS)
        yield ANSWER, KINDS
    if "embeddings" in model.offers:
        yield LENGTH, _names(LENGTHS)
        for number in range(DIRECTIONS):
            yield _direction(number), _names(COSINES)


def _direction(number: int) -> str:
    return f"vector_direction_{number}"


def _names(bounds: Sequence[float]) -> tuple[str, ...]:
    return (*(f"{bound:g}" for bound in bounds), ABOVE)


def _bin_of(value: float, bounds: Sequence[float]) -> str:
    place = bisect_left(bounds, value)
    return f"{bounds[place]:g}" if place < len(bounds) else ABOVE
