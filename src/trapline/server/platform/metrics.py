"""What is counted for Prometheus, by all processes that share the folder in
PROMETHEUS_MULTIPROC_DIR.

`trapline up` gives its processes one, so that whichever of them is asked answers for all. Labels
have few values each, a source's id being the one that grows with what people make.
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
    "trapline_images_imported", "Images that came in new, as they were written.", ["via"]
)
PULL_RUNS = Counter("trapline_pull_runs", "Pull runs that ended.", ["source", "outcome"])
LEASES_EXPIRED = Counter("trapline_leases_expired", "Leases that ended without a result.")
RESULTS = Counter("trapline_results", "Results of workers.", ["outcome"])
SIGNATURE_FAILURES = Counter(
    "trapline_signature_failures", "Signatures that did not hold.", ["of", "reason"]
)
CHORES = Counter(
    "trapline_background_tasks", "Chores and steps of loops that ended.", ["task", "outcome"]
)
RATE_LIMITED = Counter(
    "trapline_rate_limited", "Calls that were told to come back later.", ["caller"]
)
HTTP = Counter(
    "trapline_http_requests", "Requests that were answered.", ["method", "route", "status"]
)

_WAITS = (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LEASE_SECONDS = Histogram(
    "trapline_lease_seconds", "How long asking for tasks took.", buckets=_WAITS
)
SUBMIT_SECONDS = Histogram(
    "trapline_submit_seconds", "How long asking for a run took.", buckets=_WAITS
)
RESULT_SECONDS = Histogram(
    "trapline_result_seconds", "How long posting results took.", buckets=_WAITS
)


@contextmanager
def count_outcome(task: str) -> Iterator[None]:
    """Count a chore, or a step of a loop, as done or failed."""
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        CHORES.labels(task, outcome).inc()


class GaugeValue(NamedTuple):
    """A figure as it stands now: its name, what it is, the names of its labels, and its values by theirs."""

    name: str
    words: str
    labels: tuple[str, ...]
    values: Sequence[tuple[tuple[str, ...], float]]


class _Standing(Collector):
    def __init__(self, gauges: Sequence[GaugeValue]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the figures that stand."""
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.words, labels=gauge.labels)
            for labels, value in gauge.values:
                family.add_metric(list(labels), value)
            yield family


def render_metrics(gauges: Sequence[GaugeValue]) -> bytes:
    """Write everything in Prometheus' text form: what was counted, and these figures."""
    standing = CollectorRegistry()
    standing.register(_Standing(gauges))
    counted = REGISTRY
    if os.environ.get(SHARED_FOLDER):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return generate_latest(counted) + generate_latest(standing)
