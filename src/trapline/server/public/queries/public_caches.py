"""The cache of the counts of public projects in one process."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from trapline.server.platform.db.caches import TtlCache
from trapline.server.public.queries.public_projects import PublicProjectCounts


@dataclass
class PublicCaches:
    """The counts that the pages of public projects show."""

    figures: TtlCache[int, PublicProjectCounts] = field(
        default_factory=lambda: TtlCache(1_000, 15.0)
    )
    failures: TtlCache[int, bool] = field(default_factory=lambda: TtlCache(1_000, 15.0))
    """Projects whose count failed, so that visitors do not repeat it one after the other."""
    counting: defaultdict[int, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )
    """A lock per public project: visitors of one project do not wait for the counts of another."""
