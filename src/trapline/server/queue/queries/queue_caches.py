"""Caches of jobs, algorithms and class lists in one process."""

from dataclasses import dataclass, field
from datetime import datetime

from trapline.server.platform.db.caches import TtlCache
from trapline.server.queue.queries.claim import LeasableJob
from trapline.wire.jobs import JobTransition

AlgorithmName = tuple[int, bytes, str, int | None]
"""The pipeline, the hash of its current definition, and the key and version of an algorithm."""


@dataclass(frozen=True)
class CachedJobCounts:
    """How often a job found each class, and the number of its annotations.

    `as_of` is the version of the job's row, `since` the monotonic time of the count, `took_s` its
    duration in seconds.
    """

    counts: tuple[dict[str, int], int]
    as_of: datetime
    since: float
    took_s: float


@dataclass
class QueueCaches:
    """Caches of jobs, algorithms, class lists, and transitions and counts of jobs."""

    jobs: TtlCache[int, LeasableJob] = field(default_factory=lambda: TtlCache(1_000, 5.0))
    algorithms: TtlCache[AlgorithmName, tuple[int, bytes | None]] = field(
        default_factory=lambda: TtlCache(10_000, 60.0)
    )
    labels: TtlCache[bytes, list[str]] = field(default_factory=lambda: TtlCache(100, 3_600.0))
    moves: TtlCache[int, tuple[JobTransition, ...]] = field(
        default_factory=lambda: TtlCache(1_000, 600.0)
    )
    found: TtlCache[int, CachedJobCounts] = field(default_factory=lambda: TtlCache(1_000, 60.0))
