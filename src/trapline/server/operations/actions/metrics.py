"""Metrics: the counters of all processes, and figures of the database."""

import time
from datetime import UTC, datetime

from trapline.server.operations.queries.metrics_queries import QueueGauges, get_queue_gauges
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import TraplineError
from trapline.server.platform.metrics import GaugeValue, render_metrics

FRESH_FOR_S = 5.0
"""Time for which figures of the database are cached, in seconds."""
STATES = ("queued", "processing", "completed", "failed", "canceled")


class GaugeReader:
    """Reads figures of the database, and caches them for all requests of a process."""

    def __init__(self) -> None:
        self._known: list[GaugeValue] = []
        self._since = -FRESH_FOR_S

    async def read(self, system: AppContext) -> bytes:
        """Render all metrics for Prometheus; without the database only the counters."""
        is_up = True
        if time.monotonic() - self._since >= FRESH_FOR_S:
            scope = Scope.system("metrics")
            try:
                async with system.database.transaction(scope) as tx:
                    self._known = list_gauges(await get_queue_gauges(scope, tx), datetime.now(UTC))
                self._since = time.monotonic()
            except TraplineError:
                self._known, is_up = [], False
        up = GaugeValue(
            "trapline_database_up", "1 if the database answers.", (), [((), float(is_up))]
        )
        return render_metrics([up, *self._known])


def list_gauges(gauges: QueueGauges, now: datetime) -> list[GaugeValue]:
    """Name the figures of the database as metrics."""
    oldest = gauges.oldest_queued
    waited = 0.0 if oldest is None else max(0.0, now.timestamp() - (oldest.int >> 80) / 1000)
    by_state = [((state,), float(gauges.jobs.get(state, 0))) for state in STATES]
    return [
        GaugeValue("trapline_jobs", "Jobs, by state.", ("state",), by_state),
        GaugeValue(
            "trapline_analyses",
            "Analyses of jobs, by state.",
            ("state",),
            [((state,), float(count)) for state, count in gauges.analyses.items()],
        ),
        GaugeValue(
            "trapline_oldest_queued_seconds",
            "Age of the oldest queued analysis of a job that is not paused.", (), [((), waited)],
        ),
        GaugeValue(
            "trapline_leases_held", "Leases that workers hold.", (), [((), float(gauges.held))]
        ),
        GaugeValue(
            "trapline_dead_letters", "Failed analyses of jobs.", (),
            [((), float(gauges.analyses["failed"]))],
        ),
        GaugeValue(
            "trapline_harmed_files", "Stored files of images that are missing or damaged.",
            ("state",),
            [((state,), float(gauges.harmed.get(state, 0))) for state in ("missing", "damaged")],
        ),
        GaugeValue(
            "trapline_file_check_age_seconds", "Seconds since all stored files were checked last.",
            (),
            [] if gauges.check_age is None else [((), gauges.check_age)],
        ),
        GaugeValue(
            "trapline_nats_up", "1 if the NATS server for events answers.", (),
            [] if gauges.nats_up is None else [((), float(gauges.nats_up))],
        ),
        GaugeValue(
            "trapline_source_last_good_run_age_seconds",
            "Seconds since the last completed run of each active pull source, or its creation.",
            ("source",),
            [((str(source),), age) for source, age in gauges.sources],
        ),
    ]  # fmt: skip
