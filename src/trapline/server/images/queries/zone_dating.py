"""Changes of the time zone in which images of a deployment are dated, in batches."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from trapline.server.images.rules.capture_time import CaptureTime, StoredTime, date_again
from trapline.server.platform.db.base import Transaction
from trapline.wire.images import CaptureTimeSource

# No valid zone or clock offset moves these times out of the calendar.
_MOVABLE = "coalesce(i.read_at, i.captured_at) between '0200-01-01' and '9800-01-01'"
OTHERS = f"""
    i.deployment_id = %(deployment)s and {_MOVABLE} and (i.time_zone <> %(zone)s
        or (i.clock_offset_s <> %(offset)s and i.captured_at_source in ('exif', 'filename')))
"""
"""Images `i` that were dated in another time zone, or with another clock offset."""


class DatedImage(NamedTuple):
    """An image with the time that was read from it and the time in the other zone."""

    id: UUID
    filename: str
    captured_at: Any
    edited: bool
    again: CaptureTime


async def read_dated(
    tx: Transaction, images: Sequence[UUID], zone: str, offset: int
) -> list[DatedImage]:
    """Read images and date them again, in the order of their IDs; nothing is locked or written."""
    cursor = await tx.execute(
        """
        select i.id, i.filename, i.captured_at, i.read_at, i.captured_at_source, i.exif,
            s.filename_time_pattern,
            i.time_zone, i.clock_offset_s, i.flags, i.created_at
        from images i left join pull_sources s on s.id = i.source_id
        where i.id = any(%s) order by i.id
        """,
        (list(images),),
    )
    found = []
    for (
        key,
        filename,
        at,
        read_at,
        source,
        exif,
        pattern,
        old_zone,
        old_offset,
        flags,
        arrived,
    ) in await cursor.fetchall():
        stored = StoredTime(
            at=at if read_at is None else read_at,
            source=CaptureTimeSource(source),
            exif=exif,
            filename=filename,
            filename_pattern=pattern,
            zone=ZoneInfo(old_zone),
            clock_offset_s=old_offset,
            flags=tuple(flags),
            received_at=arrived,
        )
        again = date_again(stored, ZoneInfo(zone), offset)
        found.append(DatedImage(key, filename, at, read_at is not None, again))
    return found


async def lock_clocks(
    tx: Transaction, deployments: Collection[UUID]
) -> dict[UUID, tuple[str, int]]:
    """Return the time zone and the clock offset (seconds) of deployments; lock them for share."""
    cursor = await tx.execute(
        "select id, time_zone, clock_offset_s from deployments where id = any(%s)"
        " order by id for share",
        (sorted(deployments),),
    )
    return {key: (zone, offset) for key, zone, offset in await cursor.fetchall()}


async def date_images(tx: Transaction, images: Sequence[UUID], zone: str, offset: int) -> None:
    """Date images of one deployment again.

    A time that a person gave stays; the time that was read before that moves.
    """
    dated = await read_dated(tx, images, zone, offset)
    await tx.execute(
        """
        update images i set time_zone = %(zone)s, flags = string_to_array(n.flags, ','),
            clock_offset_s = case when i.captured_at_source in ('exif', 'filename') then %(offset)s
                else i.clock_offset_s end,
            captured_at = case when i.read_at is null then n.at else i.captured_at end,
            read_at = case when i.read_at is null then null else n.at end
        from unnest(%(ids)s::uuid[], %(times)s::timestamptz[], %(flags)s::text[])
            as n(id, at, flags)
        where i.id = n.id
        """,
        {
            "zone": zone,
            "offset": offset,
            "ids": [one.id for one in dated],
            "times": [one.again.at for one in dated],
            "flags": [",".join(one.again.flags) for one in dated],
        },
    )
