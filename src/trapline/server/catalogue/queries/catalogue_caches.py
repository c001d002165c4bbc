"""Caches of summaries in one process."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trapline.server.findings.rules.filters import DayFilter
from trapline.server.platform.db.caches import TtlCache
from trapline.wire.day_counts import Summary


@dataclass(frozen=True)
class CachedSummary:
    """A summary of the images of a project.

    `since` is the monotonic time of the summary, `took_s` its duration in seconds. `reviewed` is
    the stamp of what people said since `reviewed_since`.
    """

    summary: Summary
    since: float
    took_s: float
    reviewed_since: datetime
    reviewed: tuple[int, Decimal]


@dataclass
class CatalogueCaches:
    """Summaries that took long, and the number of days to count in one transaction.

    `days_at_once` is set after a count of more days took too long.
    """

    days_at_once: TtlCache[None, int] = field(default_factory=lambda: TtlCache(1, 600.0))
    summaries: TtlCache[DayFilter, CachedSummary] = field(
        default_factory=lambda: TtlCache(20, 30.0)
    )
