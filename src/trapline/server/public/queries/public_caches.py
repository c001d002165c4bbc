"""The cache of the counts of public projects in one process."""

from dataclasses import dataclass, field

from trapline.server.platform.db.caches import TtlCache
from trapline.server.public.queries.public_projects import PublicProjectCounts


@dataclass
class PublicCaches:
    """The counts that the pages of public projects show."""

    figures: TtlCache[int, PublicProjectCounts] = field(
        default_factory=lambda: TtlCache(1_000, 15.0)
    )
