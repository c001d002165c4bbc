"""Counts of images by day: counted again after changes, and summed for the overview and grid."""

import time
from datetime import UTC, date, datetime, timedelta

from trapline.server.catalogue.queries.catalogue_caches import CachedSummary, CatalogueCaches
from trapline.server.catalogue.queries.image_findings import ZONES, count_by_day, filter_images
from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.findings.queries.day_counts import (
    DAYS_AT_ONCE,
    LONGEST_S,
    DayCountTotals,
    count_days_without_camera_time,
    has_dirty_days,
    sum_days,
    sum_images,
    sum_project,
    update_dirty_days,
)
from trapline.server.findings.rules.filters import DayFilter
from trapline.server.images.queries.images import select_images
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import StatementTimeout
from trapline.wire.day_counts import (
    ClassTotal,
    DayCount,
    DayCounts,
    DayTotal,
    DeploymentTotal,
    Summary,
)

COUNTED_AT_ONCE = 20_000
"""Maximum number of images that a request counts; for more, stored counts are returned."""
MOST = 1000
KEPT_FOR, LONG_S = 20, 0.1
_EARLY = datetime(1, 1, 3, tzinfo=UTC)
"""A time zone offset cannot be subtracted from earlier times."""


async def update_day_counts(system: AppContext, scope: Scope) -> bool:
    """Count some of the days that changed; return whether more may remain.

    If the transaction takes too long, the number of days is halved, down to one. Raises
    StatementTimeout if a single day takes too long.
    """
    most = system.part(CatalogueCaches).days_at_once.get(None) or DAYS_AT_ONCE
    began = time.monotonic()
    try:
        async with system.database.transaction(scope) as tx:
            more = await update_dirty_days(scope, tx, most)
    except StatementTimeout:
        if most == 1:
            raise
        system.part(CatalogueCaches).days_at_once.keep(None, most // 2)
        return True
    if more and most < DAYS_AT_ONCE and time.monotonic() - began < LONGEST_S / 4:
        system.part(CatalogueCaches).days_at_once.keep(None, min(2 * most, DAYS_AT_ONCE))
    return more


async def list_days(
    system: AppContext, scope: Scope, project_id: int, wanted: ImageFilter
) -> DayCounts:
    """List the days of a project with images that match a filter, the latest first, with counts.

    Above COUNTED_AT_ONCE images, the stored counts are returned. They are exact for filters by
    deployment, class, blank images and days; other conditions are ignored. Deleted images have no
    stored counts and are always counted. Raises NotFound.
    """
    async with system.database.transaction(scope) as tx:
        statement = filter_images(select_images(scope, project_id, deleted=wanted.deleted), wanted)
        found = await count_by_day(
            tx, statement, wanted, None if wanted.deleted else COUNTED_AT_ONCE
        )
        is_estimate = found is None
        behind = False
        if found is None:
            # Read before the counts, so that days counted in between are reported as behind.
            behind = await has_dirty_days(scope, tx, project_id)
            found = await _list_stored_counts(scope, tx, project_id, wanted)
    results = [DayCount(day=day, images=images) for day, images in found]
    images = sum(images for _, images in found)
    return DayCounts(results=results, images=images, is_estimate=is_estimate, is_behind=behind)


async def estimate_image_count(
    scope: Scope, tx: Transaction, project_id: int, wanted: ImageFilter
) -> int:
    """Estimate the number of images that match a filter by stored counts; 0 if impossible."""
    if wanted != ImageFilter(
        deployment_id=wanted.deployment_id,
        class_name=wanted.class_name,
        blank=wanted.blank,
        day_after=wanted.day_after,
        day_before=wanted.day_before,
    ):
        return 0
    return _choose(wanted, *await sum_images(scope, tx, _days_of(project_id, wanted)))


async def _list_stored_counts(
    scope: Scope, tx: Transaction, project_id: int, wanted: ImageFilter
) -> list[tuple[date, int]]:
    days = await sum_days(scope, tx, _days_of(project_id, wanted))
    counted = [(day, _choose(wanted, images, blank)) for day, images, blank in days]
    return [(day, count) for day, count in counted if count]


def _days_of(project_id: int, wanted: ImageFilter) -> DayFilter:
    return DayFilter(project_id, wanted.deployment_id, wanted.class_name, *_days_around(wanted))


def _choose(wanted: ImageFilter, images: int, blank: int) -> int:
    # Images with a class are not blank, so there is no count of blank images by class.
    if wanted.blank is None or wanted.class_name is not None:
        return images
    return blank if wanted.blank else images - blank


def _days_around(wanted: ImageFilter) -> tuple[date | None, date | None]:
    """Return the first day of a filter and the day after its last.

    For times, all days in any time zone are included.
    """
    after, before = wanted.day_after, wanted.day_before
    if wanted.captured_after is not None and wanted.captured_after.astimezone(UTC) >= _EARLY:
        first = (wanted.captured_after.astimezone(UTC) - ZONES).date()
        after = first if after is None else max(after, first)
    if wanted.captured_before is not None:
        end = (wanted.captured_before.astimezone(UTC) + ZONES).date() + timedelta(days=1)
        before = end if before is None else min(before, end)
    return after, before


async def get_summary(system: AppContext, scope: Scope, wanted: DayFilter) -> Summary:
    """Sum images by day, hour of the day, class and deployment. Raises NotFound.

    A summary that took longer than LONG_S seconds is cached for KEPT_FOR times its duration, and
    reported as behind, because pages request it repeatedly.
    """
    scope.check(wanted.project_id)
    known = system.part(CatalogueCaches).summaries.get(wanted)
    if known is not None and time.monotonic() - known.since < KEPT_FOR * known.took_s:
        return known.summary.model_copy(update={"is_behind": True})
    async with system.database.transaction(scope) as tx:
        behind = await has_dirty_days(scope, tx, wanted.project_id)
        began = time.monotonic()
        sums: DayCountTotals = await sum_project(scope, tx, wanted, MOST)
        without = await count_days_without_camera_time(scope, tx, wanted)
        now = time.monotonic()
    summary = Summary(
        images=sums.images,
        blank=sums.blank,
        without_camera_time=without,
        days=[DayTotal(day=day, images=images, blank=blank) for day, images, blank in sums.days],
        hours=sums.hours,
        classes=[ClassTotal(class_name=name, images=images) for name, images in sums.classes],
        deployments=[
            DeploymentTotal(deployment_id=key, name=name, images=images, last_captured_at=last)
            for key, name, images, last in sums.deployments
        ],
        is_behind=behind,
    )
    if now - began > LONG_S:
        system.part(CatalogueCaches).summaries.keep(
            wanted, CachedSummary(summary, now, now - began)
        )
    return summary
