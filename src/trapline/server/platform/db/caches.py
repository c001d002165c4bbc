"""What one process knows for a moment and need not ask again; forgetting it costs time and nothing else."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from trapline.server.findings.rules.filters import DayFilter
from trapline.server.platform.access import Scope
from trapline.server.public.queries.public_projects import PublicProjectCounts
from trapline.server.queue.queries.claim import LeasableJob
from trapline.wire.day_counts import Summary
from trapline.wire.jobs import JobTransition

Name = TypeVar("Name")
Thing = TypeVar("Thing")

AlgorithmName = tuple[int, bytes, str, int | None]
"""A pipeline, the hash of what it is made of now, and an algorithm's key and version, where that is told."""


@dataclass
class TtlCache(Generic[Name, Thing]):
    """At most `size` things, each for at most `seconds`."""

    size: int
    seconds: float
    _kept: OrderedDict[Name, tuple[Thing, float]] = field(default_factory=OrderedDict)

    def get(self, name: Name) -> Thing | None:
        """What is known by this name."""
        thing, since = self._kept.get(name, (None, 0.0))
        return thing if time.monotonic() - since < self.seconds else None

    def keep(self, name: Name, thing: Thing) -> None:
        """Know this from now on; the longest known goes where there are too many."""
        self._kept.pop(name, None)
        self._kept[name] = (thing, time.monotonic())
        while len(self._kept) > self.size:
            self._kept.popitem(last=False)

    def delete(self, fits: Callable[[Thing], bool]) -> None:
        """Know no longer what fits."""
        for name in [name for name, (thing, _) in self._kept.items() if fits(thing)]:
            del self._kept[name]


@dataclass(frozen=True)
class CachedJobCounts:
    """How often a job found each class, and all its annotations; as of which version of the job's row, and the cost."""

    counts: tuple[dict[str, int], int]
    as_of: datetime
    since: float
    took_s: float


@dataclass(frozen=True)
class CachedSummary:
    """A summary of a project's images; since when it is known, and how long it took."""

    summary: Summary
    since: float
    took_s: float


@dataclass
class Caches:
    """Callers behind workers' tokens, jobs as workers need them, algorithms and class lists, what
    jobs found.

    `figures` are what public projects have to show, `summaries` what took long to sum up;
    `days_at_once` is how many days are counted together, where more of them took too long. Of
    `downloads` it is known that the audit tells of them: who read which picture from where.

    A token that another process revoked is refused here half a second later.
    """

    callers: TtlCache[tuple[str, bytes], Scope] = field(
        default_factory=lambda: TtlCache(10_000, 0.5)
    )
    jobs: TtlCache[int, LeasableJob] = field(default_factory=lambda: TtlCache(1_000, 5.0))
    algorithms: TtlCache[AlgorithmName, tuple[int, bytes | None]] = field(
        default_factory=lambda: TtlCache(10_000, 60.0)
    )
    labels: TtlCache[bytes, list[str]] = field(default_factory=lambda: TtlCache(100, 3_600.0))
    downloads: TtlCache[tuple[str, str, str], bool] = field(
        default_factory=lambda: TtlCache(100_000, 300.0)
    )
    moves: TtlCache[int, tuple[JobTransition, ...]] = field(
        default_factory=lambda: TtlCache(1_000, 600.0)
    )
    days_at_once: TtlCache[None, int] = field(default_factory=lambda: TtlCache(1, 600.0))
    figures: TtlCache[int, PublicProjectCounts] = field(
        default_factory=lambda: TtlCache(1_000, 15.0)
    )
    summaries: TtlCache[DayFilter, CachedSummary] = field(
        default_factory=lambda: TtlCache(20, 30.0)
    )
    found: TtlCache[int, CachedJobCounts] = field(default_factory=lambda: TtlCache(1_000, 60.0))
