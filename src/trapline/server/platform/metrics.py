"""Metrics for Prometheus, shared by all processes through the folder PROMETHEUS_MULTIPROC_DIR.

`trapline up` sets that folder for its processes, so that each process reports the metrics of all.
Every label has few values, except for the source's ID, which grows with the number of sources.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

disable_created_metrics()  # type: ignore[no-untyped-call]

IMAGES_IMPORTED = Counter(
    "trapline_images_imported", "New images, counted when they are written.", ["via"]
)
PULL_RUNS = Counter("trapline_pull_runs", "Pull runs that ended.", ["source", "outcome"])
LEASES_EXPIRED = Counter("trapline_leases_expired", "Leases that ended without a result.")
RESULTS = Counter("trapline_results", "Results of workers.", ["outcome"])
SIGNATURE_FAILURES = Counter("trapline_signature_failures", "Invalid signatures.", ["of", "reason"])
BACKGROUND_TASKS = Counter(
    "trapline_background_tasks",
    "Background tasks and steps of loops that ended.",
    ["task", "outcome"],
)
RATE_LIMITED = Counter(
    "trapline_rate_limited", "Calls that were refused by a rate limit.", ["caller"]
)
HTTP = Counter(
    "trapline_http_requests", "Requests that were answered.", ["method", "route", "status"]
)

HINTS_SENT = Counter("trapline_nats_hints_sent", "Hints that processes sent over NATS.")
HINTS_RECEIVED = Counter(
    "trapline_nats_hints_received", "Hints of other processes, received over NATS."
)
HINT_OUTAGES = Counter(
    "trapline_nats_hint_outages", "Times that a process lost the NATS server for hints."
)

_WAITS = (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LEASE_SECONDS = Histogram("trapline_lease_seconds", "Duration of lease requests.", buckets=_WAITS)
SUBMIT_SECONDS = Histogram(
    "trapline_submit_seconds", "Duration of requests for a run.", buckets=_WAITS
)
RESULT_SECONDS = Histogram(
    "trapline_result_seconds", "Duration of requests that post results.", buckets=_WAITS
)


@contextmanager
def count_outcome(task: str) -> Iterator[None]:
    """Count a background task, or a step of a loop, as done or failed."""
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        BACKGROUND_TASKS.labels(task, outcome).inc()


class GaugeValue(NamedTuple):
    """The current values of a gauge: its name, help text, label names, and values by label."""

    name: str
    help: str
    labels: tuple[str, ...]
    values: Sequence[tuple[tuple[str, ...], float]]


class _GaugeCollector(Collector):
    def __init__(self, gauges: Sequence[GaugeValue]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for labels, value in gauge.values:
                family.add_metric(list(labels), value)
            yield family


def render_metrics(gauges: Sequence[GaugeValue]) -> bytes:
    """Render all counters and histograms, and these gauges, in the text format of Prometheus."""
    current = CollectorRegistry()
    current.register(_GaugeCollector(gauges))
    counted = REGISTRY
    if os.environ.get(SHARED_FOLDER):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return generate_latest(counted) + generate_latest(current)
