"""Words the recorder's totals and the gauges for Prometheus, as text. Counts nothing itself.

Every name begins with `webhost_sync_`. No label holds the name of a tenant, a document or a client, and
each has a bounded number of values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from webhost_sync import __version__
from webhost_sync.metrics import Histogram, Recorder
from webhost_sync.telemetry.gauges import Gauge

PREFIX = "webhost_sync_"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(recorder: Recorder, gauges: Iterable[Gauge]) -> bytes:
    """The text that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Metrics((*_of_requests(recorder), *_of_commits(recorder), *map(_gauge, gauges))))
    return generate_latest(registry)


class _Metrics(Collector):
    """What was worded already, for the library's registry."""

    def __init__(self, metrics: tuple[Metric, ...]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _of_requests(recorder: Recorder) -> Iterator[Metric]:
    totals = recorder.totals
    yield InfoMetricFamily(PREFIX + "build", "This program.", {"version": __version__})
    answers = CounterMetricFamily(
        f"{PREFIX}http_requests",
        "Answers, by method, route and status.",
        labels=("method", "route", "status"),
    )
    for (method, route, status), count in sorted(totals.answers.items()):
        answers.add_metric((method, route, str(status)), count)
    yield answers
    seconds = HistogramMetricFamily(
        f"{PREFIX}http_request_duration_seconds", "Until an answer began, by route.", labels=("route",)
    )
    for route, histogram in sorted(totals.answer_seconds.items()):
        seconds.add_metric((route,), _buckets(histogram), histogram.sum)
    yield seconds
    closes = CounterMetricFamily(
        f"{PREFIX}socket_closes", "Sockets that we closed, by code.", labels=("code",)
    )
    for code, count in sorted(totals.closes.items()):
        closes.add_metric((str(code),), count)
    yield closes
    limited = CounterMetricFamily(
        f"{PREFIX}rate_limited", "Refused because of a rate limit, by kind.", labels=("kind",)
    )
    for kind, count in sorted(totals.limited.items()):
        limited.add_metric((kind,), count)
    yield limited


def _of_commits(recorder: Recorder) -> Iterator[Metric]:
    totals = recorder.totals
    yield CounterMetricFamily(f"{PREFIX}updates", "Updates that were committed.", totals.updates)
    yield HistogramMetricFamily(
        f"{PREFIX}commit_duration_seconds",
        "From an append of a room to its commit.",
        _buckets(totals.commit_seconds),
        totals.commit_seconds.sum,
    )
    yield HistogramMetricFamily(
        f"{PREFIX}commit_batch_updates",
        "Updates of one transaction, of all rooms together.",
        _buckets(totals.batch_updates),
        totals.batch_updates.sum,
    )


def _gauge(gauge: Gauge) -> Metric:
    names = [name for name, _ in gauge.samples[0].labels] if gauge.samples else []
    family = GaugeMetricFamily(PREFIX + gauge.name, gauge.meaning, labels=names)
    for sample in gauge.samples:
        family.add_metric([value for _, value in sample.labels], sample.value)
    return family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Prometheus' buckets count everything up to their bound."""
    below, found = 0, []
    for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
        below += count
        found.append(("+Inf" if bound == float("inf") else str(bound), float(below)))
    return found
