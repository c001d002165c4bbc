"""Clock offsets and time zones of deployments, and batches of images that are dated again."""

from typing import NamedTuple
from uuid import UUID

from trapline.server.images.queries.image_locks import lock_findings
from trapline.server.images.queries.image_marks import update_class_times
from trapline.server.images.queries.zone_dating import OTHERS, date_images, read_dated
from trapline.server.images.rules.capture_time import HOURS_PATTERN, OFFSET_PATTERN
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

BY_CAMERA = "('exif', 'filename')"
"""Sources of capture times that come from the clock of the camera."""

SHOWN = 5
_NEW = "i.captured_at + make_interval(secs => %(offset)s - i.clock_offset_s)"
# True if the camera wrote the offset from UTC, so that no zone is needed. `rules.capture_time` has
# the same condition; a test compares the two.
_OWN_OFFSET = f"""(i.captured_at_source = 'exif' and coalesce(
    case when i.captured_at_raw = i.exif->>'DateTimeOriginal' then i.exif->>'OffsetTimeOriginal'
        else i.exif->>'OffsetTimeDigitized' end ~ '{OFFSET_PATTERN}', false)
    or coalesce(i.exif->>'OffsetTime' ~ '{OFFSET_PATTERN}', false)
    or coalesce(coalesce(i.exif->'TimeZoneOffset'->0, i.exif->'TimeZoneOffset')::text
        ~ '{HOURS_PATTERN}', false))"""
LOOKED_AT = 48
"""Images of a deployment in which times without a zone are searched for, the first by capture time.

Their EXIF is read whenever a deployment in UTC is listed, so the number is small.
"""
# A time that would leave the calendar keeps its value and its offset.
_HELD = f"{_NEW} between '0001-01-02+00' and '9998-12-30+00'"


class ClockOffsetEffect(NamedTuple):
    """Numbers of images whose time would move, was edited, or is not that of the camera."""

    moved: int
    edited: int
    without_camera_time: int


class ImageTimeChange(NamedTuple):
    """An image with its present capture time and the one that it would have."""

    image_id: UUID
    filename: str
    captured_at: object
    would_be: object


async def preview_offset(
    scope: Scope, tx: Transaction, deployment_id: UUID, offset: int
) -> tuple[ClockOffsetEffect, list[ImageTimeChange]]:
    """Return what another clock offset would change, and the first SHOWN images of it."""
    parameters = {"deployment": deployment_id, "offset": offset, "shown": SHOWN}
    cursor = await tx.execute(
        f"""
        select count(*) filter (where by_camera and read_at is null
            and clock_offset_s <> %(offset)s),
            count(*) filter (where read_at is not null), count(*) filter
                (where not by_camera and read_at is null)
        from (
            select read_at, clock_offset_s, captured_at_source in {BY_CAMERA} as by_camera
                from images
            where deployment_id = %(deployment)s and deleted_at is null
        ) i
        """,  # noqa: S608 - made of constants
        parameters,
    )
    row = await cursor.fetchone()
    assert row is not None
    cursor = await tx.execute(
        f"""
        select i.id, i.filename, i.captured_at, {_NEW} from images i
        where i.deployment_id = %(deployment)s and i.deleted_at is null and i.read_at is null
          and i.captured_at_source in {BY_CAMERA} and i.clock_offset_s <> %(offset)s and {_HELD}
        order by i.captured_at, i.id limit %(shown)s
        """,  # noqa: S608 - made of constants
        parameters,
    )
    return ClockOffsetEffect(*row), [ImageTimeChange(*found) for found in await cursor.fetchall()]


async def preview_zone(
    scope: Scope, tx: Transaction, deployment_id: UUID, zone: str, offset: int
) -> tuple[ClockOffsetEffect, list[ImageTimeChange]]:
    """Return what another time zone and offset would change, and the first SHOWN images of it."""
    parameters = {"deployment": deployment_id, "zone": zone, "offset": offset, "shown": SHOWN}
    cursor = await tx.execute(
        f"""
        select count(*) filter (where by_camera and not edited), count(*) filter (where edited),
            count(*) filter (where not by_camera and not edited)
        from (
            select i.captured_at_source in {BY_CAMERA}
                and (i.clock_offset_s <> %(offset)s or not ({_OWN_OFFSET}))
                as by_camera, i.read_at is not null as edited
            from images i where {OTHERS} and i.deleted_at is null
        ) i
        """,  # noqa: S608 - of constants
        parameters,
    )
    row = await cursor.fetchone()
    assert row is not None
    cursor = await tx.execute(
        f"""
        select i.id from images i
        where {OTHERS} and i.deleted_at is null and i.read_at is null
            and i.captured_at_source in {BY_CAMERA}
          and (i.clock_offset_s <> %(offset)s or not ({_OWN_OFFSET}))
        order by i.captured_at, i.id limit %(shown)s
        """,  # noqa: S608 - of constants
        parameters,
    )
    first = await read_dated(tx, [found[0] for found in await cursor.fetchall()], zone, offset)
    moved = [ImageTimeChange(one.id, one.filename, one.captured_at, one.again.at) for one in first]
    return ClockOffsetEffect(*row), sorted(moved, key=lambda one: (one.would_be, one.image_id))


async def list_assumed_utc(scope: Scope, tx: Transaction, deployment_ids: list[UUID]) -> set[UUID]:
    """List the deployments without a time zone that have camera times which were read as UTC."""
    cursor = await tx.execute(
        f"""
        select d.id from deployments d
        where d.id = any(%s) and d.time_zone_source = 'default' and d.time_zone = 'UTC' and exists (
            select 1 from (
                select captured_at_source, captured_at_raw, time_zone, exif from images
                where deployment_id = d.id and deleted_at is null order by captured_at, id
                    limit {LOOKED_AT}
            ) i where i.captured_at_source in {BY_CAMERA} and i.time_zone = 'UTC'
                and not ({_OWN_OFFSET})
        )
        """,  # noqa: S608 - of constants
        (deployment_ids,),
    )
    return {row[0] for row in await cursor.fetchall()}


class ImagesToDate(NamedTuple):
    """How many images are to be dated again, and the other time zone that most of them are in."""

    images: int
    zone: str | None


async def count_to_date(
    scope: Scope, tx: Transaction, deployment_id: UUID, zone: str | None, offset: int
) -> ImagesToDate:
    """Count the images of a deployment that have another clock offset, or another time zone.

    Without a `zone` only the offset is compared. Times of a camera decide before those of files
    which zone most images are in.
    """
    others = (
        "i.deployment_id = %(deployment)s and i.clock_offset_s <> %(offset)s"
        f" and i.captured_at_source in {BY_CAMERA}"
    )
    cursor = await tx.execute(
        f"""
        select coalesce(sum(images), 0)::bigint,
            (array_agg(zone order by by_camera desc, images desc, zone) filter
                (where zone <> %(zone)s::text))[1]
        from (
            select i.time_zone as zone, count(*) as images,
                count(*) filter (where i.captured_at_source in {BY_CAMERA}) as by_camera
            from images i where {others if zone is None else OTHERS} group by 1
        ) z
        """,  # noqa: S608 - of constants
        {"deployment": deployment_id, "zone": zone, "offset": offset},
    )
    row = await cursor.fetchone()
    assert row is not None
    return ImagesToDate(*row)


async def list_pending_deployments(scope: Scope, tx: Transaction) -> list[UUID]:
    """List deployments whose images must be dated again."""
    cursor = await tx.execute("select id from deployments where dating order by id")
    return [row[0] for row in await cursor.fetchall()]


async def update_capture_time_batch(
    scope: Scope, tx: Transaction, deployment_id: UUID, limit: int
) -> bool:
    """Date the next images of a deployment by its clock; return whether more may remain.

    Camera times move by the difference of the offsets. A time that a person gave stays; only the
    time that it replaced moves. Each image stores the offset and the zone that it was dated with,
    so no image moves twice.
    """
    cursor = await tx.execute(
        "select clock_offset_s, dated_to, dating_zone from deployments where id = %s"
        " and dating for no key update",
        (deployment_id,),
    )
    row = await cursor.fetchone()
    if row is None:
        return False
    offset, after, zone = row
    parameters = {
        "deployment": deployment_id,
        "offset": offset,
        "after": after,
        "limit": limit,
        "zone": zone,
    }
    by_offset = f"""i.deployment_id = %(deployment)s and i.captured_at_source in {BY_CAMERA}
          and i.clock_offset_s <> %(offset)s and {_HELD}"""
    cursor = await tx.execute(
        f"""
        select i.id from images i
        where {by_offset if zone is None else OTHERS}
            and (%(after)s::uuid is null or i.id > %(after)s)
        order by i.id limit %(limit)s
        """,  # noqa: S608 - made of constants
        parameters,
    )
    images = [found[0] for found in await cursor.fetchall()]
    if not images:
        # Images may have been imported with the old clock meanwhile: search from the start again.
        more = after is not None
        await tx.execute(
            "update deployments set dating = %(more)s, dated_to = null, "
            "dating_zone = case when %(more)s then dating_zone end where id = %(deployment)s",
            {"more": more, "deployment": deployment_id},
        )
        return more
    await lock_findings(tx, images)
    if zone is not None:
        await date_images(tx, images, zone, offset)
    else:
        await _move_by_offset(tx, images, offset)
    await update_class_times(tx, images)
    await tx.execute(
        "update deployments set dated_to = %s, images_dated = images_dated + %s where id = %s",
        (images[-1], len(images), deployment_id),
    )
    return True


async def _move_by_offset(tx: Transaction, images: list[UUID], offset: int) -> None:
    await tx.execute(
        f"""
        update images i set clock_offset_s = %(offset)s,
            captured_at = case when i.read_at is null then {_NEW} else i.captured_at end,
            read_at = i.read_at + make_interval(secs => %(offset)s - i.clock_offset_s),
            flags = array_remove(i.flags, 'in_the_future') || case
                when coalesce(i.read_at, i.captured_at) +
                    make_interval(secs => %(offset)s - i.clock_offset_s)
                    > i.created_at + interval '1 day' then array['in_the_future']
                        else '{{}}'::text[] end
        from (select id from images where id = any(%(images)b) order by id for no key update) l
            where i.id = l.id
        """,  # noqa: S608 - made of constants
        {"images": images, "offset": offset},
    )
