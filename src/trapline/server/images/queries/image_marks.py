"""Stars, tags and capture times of images, changed for several images per statement."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from trapline.server.images.queries.image_locks import lock_findings
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import NotFound, Unprocessable
from trapline.wire.values import LAST_YEAR

MOST_TAGS = 50
"""Maximum number of tags of an image."""


async def require_images(
    scope: Scope, tx: Transaction, images: Sequence[UUID], *, deleted: bool = False
) -> set[int]:
    """Require that the caller may change all of these images; return their projects.

    With `deleted`, deleted images are accepted. Raises NotFound if one is missing, and Forbidden.
    """
    cursor = await tx.execute(
        "select project_id, count(*) from images where id = any(%b) and (%b"
        " or deleted_at is null) group by 1",
        (list(images), deleted),
    )
    found = [(project, count) for project, count in await cursor.fetchall() if scope.sees(project)]
    if sum(count for _, count in found) < len(set(images)):
        raise NotFound("At least one of these images does not exist. Nothing was changed.")
    for project, _ in found:
        scope.check(project)
    return {project for project, _ in found}


async def set_star(
    scope: Scope, tx: Transaction, images: Sequence[UUID], *, starred: bool
) -> set[UUID]:
    """Set or remove the star of images; return those that changed."""
    cursor = await tx.execute(
        """
        update images i set starred = %b from (
            select id from images where id = any(%b) and starred <> %b order by id for no key update
        ) l where i.id = l.id returning i.id
        """,
        (starred, list(images), starred),
    )
    return {row[0] for row in await cursor.fetchall()}


async def set_tags(
    scope: Scope, tx: Transaction, images: Sequence[UUID], add: Sequence[str], remove: Sequence[str]
) -> set[UUID]:
    """Add and remove tags of images; return those that changed.

    Raises Unprocessable if an image would have more than MOST_TAGS tags.
    """
    changed: set[UUID] = set()
    if remove:
        cursor = await tx.execute(
            "delete from image_tags where image_id = any(%b) and tag = any(%s) returning image_id",
            (list(images), list(remove)),
        )
        changed |= {row[0] for row in await cursor.fetchall()}
    if add:
        cursor = await tx.execute(
            """
            insert into image_tags (image_id, tag, project_id)
            select i.id, t.tag, i.project_id from images i, unnest(%s::text[]) as t(tag)
                where i.id = any(%b)
            order by i.id, t.tag on conflict do nothing returning image_id
            """,
            (sorted(set(add)), list(images)),
        )
        changed |= {row[0] for row in await cursor.fetchall()}
        cursor = await tx.execute(
            "select 1 from image_tags where image_id = any(%b)"
            " group by image_id having count(*) > %s limit 1",
            (list(changed), MOST_TAGS),
        )
        if await cursor.fetchone():
            raise Unprocessable(f"An image has at most {MOST_TAGS} tags. Nothing was changed.")
    return changed


async def list_tagged_images(scope: Scope, tx: Transaction, images: Sequence[UUID]) -> set[UUID]:
    """Return those of these images that have tags."""
    cursor = await tx.execute(
        "select distinct image_id from image_tags where image_id = any(%b)", (list(images),)
    )
    return {key for (key,) in await cursor.fetchall()}


async def set_capture_time(
    scope: Scope, tx: Transaction, image: UUID, captured_at: datetime
) -> set[UUID]:
    """Replace the capture time of an image; the time that was read is kept."""
    return await _set_times(tx, [image], "%(at)s::timestamptz", at=captured_at)


async def shift_capture_times(
    scope: Scope, tx: Transaction, images: Sequence[UUID], seconds: int
) -> set[UUID]:
    """Shift capture times; the times that were read are kept.

    Raises Unprocessable if one would leave the calendar.
    """
    return await _set_times(
        tx, images, "captured_at + make_interval(secs => %(seconds)s)", seconds=seconds
    )


async def reset_capture_times(scope: Scope, tx: Transaction, images: Sequence[UUID]) -> set[UUID]:
    """Restore the capture times that were read."""
    return await _set_times(tx, images, "coalesce(read_at, captured_at)")


async def _set_times(
    tx: Transaction, images: Sequence[UUID], moment: str, **values: object
) -> set[UUID]:
    parameters = {"images": list(images), **values}
    await lock_findings(tx, images)
    cursor = await tx.execute(
        f"""
        update images i set captured_at = l.moment,
            read_at = nullif(coalesce(i.read_at, i.captured_at), l.moment)
        from (
            select id, {moment} as moment from images where id = any(%(images)b)
                order by id for no key update
        ) l where i.id = l.id and i.captured_at <> l.moment returning i.id,
            extract(year from i.captured_at)
        """,  # noqa: S608 - made of constants
        parameters,
    )
    rows = await cursor.fetchall()
    if any(not 1 <= year <= LAST_YEAR for _, year in rows):
        raise Unprocessable(
            f"A capture time would be outside the years 1 to {LAST_YEAR}. Nothing was changed."
        )
    changed = {row[0] for row in rows}
    await update_class_times(tx, list(changed))
    return changed


async def update_class_times(tx: Transaction, images: Sequence[UUID]) -> None:
    """Give the classes of images the times of their images again."""
    for table in ("image_classes", "observed_classes"):
        await tx.execute(
            f"""
            update {table} c set captured_at = i.captured_at from images i
            where i.id = c.image_id and c.image_id = any(%b) and c.captured_at <> i.captured_at
            """,  # noqa: S608 - made of constants
            (list(images),),
        )


async def count_tags(scope: Scope, tx: Transaction, project_id: int) -> list[tuple[str, int]]:
    """Count how many images of a project have each tag, the most frequent first."""
    scope.check(project_id)
    cursor = await tx.execute(
        """
        select t.tag, count(*) from image_tags t where t.project_id = %s
          and not exists (select 1 from images i where i.id = t.image_id
              and i.deleted_at is not null)
        group by 1 order by 2 desc, 1 limit 1000
        """,
        (project_id,),
    )
    return [(tag, count) for tag, count in await cursor.fetchall()]
