"""Expand: a job's selection of images becomes tasks, in chunks, from where it was left off."""

from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.db.base import Transaction
from trapline.server.db.line.job_row import LIVE, Change, lock_job_work, settle_job
from trapline.server.rules.access import Scope
from trapline.wire.jobs import Selection

CHUNK = 5000
ACTOR = "system"

_SELECTED = """
    select i.id from images i
    where i.project_id = %(project)s and i.created_at <= %(asked_at)s
      and (%(after)s::uuid is null or i.id > %(after)s)
      and (%(images)s::uuid[] is null or i.id = any(%(images)s))
      and (%(deployment)s::uuid is null or i.deployment_id = %(deployment)s)
      and (%(captured_after)s::timestamptz is null or i.captured_at >= %(captured_after)s)
      and (%(captured_before)s::timestamptz is null or i.captured_at < %(captured_before)s)
      and (not %(unanalysed_only)s or not exists (
          select 1 from analyses a where a.image_id = i.id and a.state = 'completed' and a.model_name = %(slug)s
      ))
    order by i.id limit %(chunk)s
"""


async def expand_job(scope: Scope, tx: Transaction, job_id: int, chunk: int = CHUNK) -> bool:
    """Put the next chunk of a job's images into the line; answers whether there is more to do.

    Unique by job and image, so a chunk that was written before is no harm. The last chunk marks the job `expanded`,
    and completes it at once where it is over no image. Nothing happens to a job that is final; raises JobClosed for
    one that became final meanwhile.
    """
    await lock_job_work(scope, tx, job_id)
    cursor = await tx.execute(
        f"""
        select project_id, pipeline_slug, pipeline_version, selection, expanded_to, created_at from jobs
        where id = %s and not expanded and status in {LIVE}
        """,  # noqa: S608
        (job_id,),
    )
    row = await cursor.fetchone()
    if row is None:
        return False
    project_id, slug, version, selection, expanded_to, created_at = row
    images = await _select_images(tx, (project_id, slug, created_at), selection, expanded_to, chunk)
    added = await add_tasks(scope, tx, project_id, job_id, (slug, str(version)), images)
    change = Change(open=added, expanded=len(images) < chunk, expanded_to=str(images[-1]) if images else None)
    await settle_job(scope, tx, job_id, change, ACTOR)
    return not change.expanded


async def _select_images(
    tx: Transaction, of: tuple[int, str, datetime], given: dict[str, Any], after: str | None, chunk: int
) -> list[UUID]:
    project_id, slug, asked_at = of
    selection = Selection.model_validate(given)
    parameters = {
        **selection.model_dump(),
        "project": project_id,
        "slug": slug,
        "asked_at": asked_at,
        "after": after,
        "chunk": chunk,
    }
    return [row[0] for row in await (await tx.execute(_SELECTED, parameters)).fetchall()]


async def add_tasks(
    scope: Scope, tx: Transaction, project_id: int, job_id: int, model: tuple[str, str], images: list[UUID]
) -> int:
    """Put images into a job's line; answers how many were not in it yet."""
    if not images:
        return 0
    cursor = await tx.execute(
        """
        insert into analyses (id, project_id, image_id, job_id, model_name, model_version, state, attempt, fence,
            errors, lost)
        select n.id, %s, n.image_id, %s, %s, %s, 'queued', 0, 0, 0, 0
        from unnest(%s::uuid[], %s::uuid[]) as n(id, image_id)
        on conflict (job_id, image_id) do nothing
        """,
        (project_id, job_id, *model, [uuid7() for _ in images], images),
    )
    return cursor.rowcount


async def list_unexpanded(scope: Scope, tx: Transaction) -> list[int]:
    """List live jobs whose expansion stands still."""
    cursor = await tx.execute(
        f"""
        select id from jobs where status in {LIVE} and not expanded
          and updated_at < clock_timestamp() - interval '60 seconds' order by id
        """  # noqa: S608
    )
    return [row[0] for row in await cursor.fetchall()]
