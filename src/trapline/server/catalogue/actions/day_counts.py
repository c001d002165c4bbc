"""Counts of images by day: counted again after changes, and summed for the overview and grid."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from trapline.server.catalogue.queries.catalogue_caches import CachedSummary, CatalogueCaches
from trapline.server.catalogue.queries.changes import LATELY, get_review_stamp
from trapline.server.catalogue.queries.image_filters import (
    ZONES,
    count_by_day,
    filter_images,
    resolve_filter,
)
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
from trapline.server.images.queries.locations import list_precisions
from trapline.server.images.rules.locations import get_shown_name
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import StatementTimeout
from trapline.server.review.queries.observations import list_class_names, list_current_sets
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
        wanted = await resolve_filter(scope, tx, project_id, wanted)
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
        deployment_ids=wanted.deployment_ids,
        class_name=wanted.class_name,
        blank=wanted.blank,
        day_after=wanted.day_after,
        day_before=wanted.day_before,
        sets=wanted.sets,
        names=wanted.names,
    ) or (wanted.class_name is not None and not wanted.is_of_one_name):
        return 0
    return _choose(wanted, *await sum_images(scope, tx, _days_of(project_id, wanted)))


async def _list_stored_counts(
    scope: Scope, tx: Transaction, project_id: int, wanted: ImageFilter
) -> list[tuple[date, int]]:
    days = await sum_days(scope, tx, _days_of(project_id, wanted))
    counted = [(day, _choose(wanted, images, blank)) for day, images, blank in days]
    return [(day, count) for day, count in counted if count]


def _days_of(project_id: int, wanted: ImageFilter) -> DayFilter:
    has_name = wanted.is_of_one_name and not wanted.is_only_blank
    name = wanted.names[0] if wanted.names and has_name else wanted.class_name
    return DayFilter(project_id, wanted.deployment_ids, name, *_days_around(wanted))


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
    reported as behind, because pages request it repeatedly. After an identification it is computed
    again, because that must be visible in the next request.
    """
    scope.check(wanted.project_id)
    known = system.part(CatalogueCaches).summaries.get(wanted)
    reviewed_since = datetime.now(UTC) - LATELY
    async with system.database.transaction(scope) as tx:
        if known is not None and await _is_recent(scope, tx, wanted.project_id, known):
            summary = known.summary.model_copy(update={"is_behind": True})
            return await _hide_names(scope, tx, wanted.project_id, summary)
        # Read first: an identification made meanwhile then differs from this stamp.
        reviewed = await get_review_stamp(scope, tx, wanted.project_id, reviewed_since)
        behind = await has_dirty_days(scope, tx, wanted.project_id)
        began = time.monotonic()
        resolved = await _resolve_name(scope, tx, wanted)
        sums: DayCountTotals = await sum_project(scope, tx, resolved, MOST)
        without = await count_days_without_camera_time(scope, tx, resolved)
        now = time.monotonic()
        summary = _build_summary(sums, without, is_behind=behind)
        shown = await _hide_names(scope, tx, wanted.project_id, summary)
    if now - began > LONG_S:
        # With the exact names: other callers may see more or less.
        system.part(CatalogueCaches).summaries.keep(
            wanted, CachedSummary(summary, now, now - began, reviewed_since, reviewed)
        )
    return shown


def _build_summary(sums: DayCountTotals, without_camera_time: int, *, is_behind: bool) -> Summary:
    return Summary(
        images=sums.images,
        blank=sums.blank,
        without_camera_time=without_camera_time,
        days=[DayTotal(day=day, images=images, blank=blank) for day, images, blank in sums.days],
        hours=sums.hours,
        classes=[ClassTotal(class_name=name, images=images) for name, images in sums.classes],
        deployments=[
            DeploymentTotal(deployment_id=key, name=name, images=images, last_captured_at=last)
            for key, name, images, last in sums.deployments
        ],
        is_behind=is_behind,
    )


async def _hide_names(scope: Scope, tx: Transaction, project_id: int, summary: Summary) -> Summary:
    """Replace the names of deployments that are withheld from the caller."""
    withheld = await list_precisions(scope, tx, [project_id])
    shown = [
        one.model_copy(update={"name": get_shown_name(one.deployment_id)})
        if one.deployment_id in withheld
        else one
        for one in summary.deployments
    ]
    # Deployments with equally many images are ordered by name.
    ordered = sorted(shown, key=lambda one: (-one.images, one.name))
    return summary.model_copy(update={"deployments": ordered})


async def _is_recent(scope: Scope, tx: Transaction, project_id: int, known: CachedSummary) -> bool:
    """Whether a cached summary is recent, and people said nothing since."""
    if time.monotonic() - known.since >= KEPT_FOR * known.took_s:
        return False
    stamp = await get_review_stamp(scope, tx, project_id, known.reviewed_since)
    return stamp == known.reviewed


async def _resolve_name(scope: Scope, tx: Transaction, wanted: DayFilter) -> DayFilter:
    """Replace a label by the name that observations of it have."""
    if wanted.class_name is None:
        return wanted
    sets = await list_current_sets(scope, tx, wanted.project_id)
    names = await list_class_names(scope, tx, sets, wanted.class_name)
    others = [name for name in names if name != wanted.class_name]
    return replace(wanted, class_name=others[0]) if others else wanted
