"""Clocks of cameras: how wrong a deployment's was, and images dated anew by it, a batch at a time."""

from typing import NamedTuple
from uuid import UUID

from trapline.server.db.base import Transaction
from trapline.server.db.current_findings import lock_findings
from trapline.server.db.marked_images import date_classes
from trapline.server.rules.access import Scope

BY_CAMERA = "('exif', 'filename')"
"""Where a capture time comes from the camera's own clock."""

SHOWN = 5
_NEW = "i.captured_at + make_interval(secs => %(offset)s - i.clock_offset_s)"
# A time that would leave the calendar stays, with the offset that it was made with.
_HELD = f"{_NEW} between '0001-01-02+00' and '9998-12-30+00'"


class Effect(NamedTuple):
    """What another offset would do: images whose time moves, that were edited, and that know no time of the camera."""

    moved: int
    edited: int
    without_camera_time: int


class Moved(NamedTuple):
    """One image, its capture time and what it would be."""

    image_id: UUID
    filename: str
    captured_at: object
    would_be: object


async def preview_offset(scope: Scope, tx: Transaction, deployment_id: UUID, offset: int) -> tuple[Effect, list[Moved]]:
    """Tell what another clock offset would change, and the first few images of it."""
    parameters = {"deployment": deployment_id, "offset": offset, "shown": SHOWN}
    cursor = await tx.execute(
        f"""
        select count(*) filter (where by_camera and read_at is null and clock_offset_s <> %(offset)s),
            count(*) filter (where read_at is not null), count(*) filter (where not by_camera and read_at is null)
        from (
            select read_at, clock_offset_s, captured_at_source in {BY_CAMERA} as by_camera from images
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
    return Effect(*row), [Moved(*found) for found in await cursor.fetchall()]


async def list_dating(scope: Scope, tx: Transaction) -> list[UUID]:
    """List deployments whose images are to be dated anew."""
    cursor = await tx.execute("select id from deployments where dating order by id")
    return [row[0] for row in await cursor.fetchall()]


async def date_batch(scope: Scope, tx: Transaction, deployment_id: UUID, limit: int) -> bool:
    """Date the next images of a deployment by its clock offset; answers whether there may be more.

    What the camera wrote is moved by as much as the offset changed since; a time that a person gave stays, and only
    what was read before it moves. Each image carries the offset that it was dated with, so nothing is moved twice.
    """
    cursor = await tx.execute(
        "select clock_offset_s, dated_to from deployments where id = %s and dating for no key update", (deployment_id,)
    )
    row = await cursor.fetchone()
    if row is None:
        return False
    parameters = {"deployment": deployment_id, "offset": row[0], "after": row[1], "limit": limit}
    cursor = await tx.execute(
        f"""
        select i.id from images i
        where i.deployment_id = %(deployment)s and i.captured_at_source in {BY_CAMERA}
          and i.clock_offset_s <> %(offset)s and {_HELD} and (%(after)s::uuid is null or i.id > %(after)s)
        order by i.id limit %(limit)s
        """,  # noqa: S608 - made of constants
        parameters,
    )
    images = [found[0] for found in await cursor.fetchall()]
    if not images:
        # Those that came in with the old offset meanwhile are found from the beginning.
        await tx.execute(
            "update deployments set dating = %s, dated_to = null where id = %s", (row[1] is not None, deployment_id)
        )
        return row[1] is not None
    await lock_findings(tx, images)
    await tx.execute(
        f"""
        update images i set clock_offset_s = %(offset)s,
            captured_at = case when i.read_at is null then {_NEW} else i.captured_at end,
            read_at = i.read_at + make_interval(secs => %(offset)s - i.clock_offset_s),
            flags = array_remove(i.flags, 'in_the_future') || case
                when coalesce(i.read_at, i.captured_at) + make_interval(secs => %(offset)s - i.clock_offset_s)
                    > i.created_at + interval '1 day' then array['in_the_future'] else '{{}}'::text[] end
        from (select id from images where id = any(%(images)b) order by id for no key update) l where i.id = l.id
        """,  # noqa: S608 - made of constants
        {**parameters, "images": images},
    )
    await date_classes(tx, images)
    await tx.execute("update deployments set dated_to = %s where id = %s", (images[-1], deployment_id))
    return True
