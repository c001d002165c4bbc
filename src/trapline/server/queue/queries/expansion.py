"""Expand a job: create a task for each selected image, in chunks that can be resumed."""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.job_counters import (
    LIVE,
    JobCounterChange,
    lock_job_work,
    update_job,
)
from trapline.wire.jobs import Selection

FIRST = 500
CHUNK = 5000
ACTOR = "system"
_NUMBER = attrgetter("int")
FILTERS = ("deployment", "captured_after", "captured_before", "unanalysed_only")

_FITS = """
    i.project_id = %(project)s and i.created_at <= %(asked_at)s and i.deleted_at is null
    and (%(deployment)s::uuid is null or i.deployment_id = %(deployment)s)
    and (%(captured_after)s::timestamptz is null or i.captured_at >= %(captured_after)s)
    and (%(captured_before)s::timestamptz is null or i.captured_at < %(captured_before)s)
    and (not %(unanalysed_only)s or not exists (
        select 1 from analyses a where a.image_id = i.id and a.state = 'completed'
            and a.model_name = %(slug)s
            and not a.simulated
    ))
"""
_SELECTED = f"""
    select i.id from images i where {_FITS} and (%(after)s::uuid is null or i.id > %(after)s)
    order by i.id limit %(chunk)s
"""  # noqa: S608 - made of constants
_COUNTED = f"select count(*) from images i where {_FITS}"  # noqa: S608 - made of constants
# The IDs are sorted, so a chunk is a slice after the last one.
_LISTED = f"""
    with slice as (
        select image_ids[passed + 1 : passed + %(chunk)s] as ids,
            passed + %(chunk)s >= cardinality(image_ids) as is_last
        from job_images, lateral (
            select case when %(after)s::uuid is null then 0
                else width_bucket(%(after)s::uuid, image_ids) end as passed
        ) place where job_id = %(job)s
    )
    select is_last, ids[cardinality(ids)],
        array(select i.id from images i where i.id = any(slice.ids) and {_FITS} order by i.id)
    from slice
"""  # noqa: S608 - made of constants


@dataclass(frozen=True)
class ExpansionChunk:
    """The images of one chunk.

    The next chunk starts after `to`; `is_last` is whether this is the last chunk.
    """

    images: list[UUID]
    to: UUID | None
    is_last: bool


def sort_unique_ids(images: Iterable[UUID]) -> list[UUID]:
    """Sort unique IDs; comparing them as integers is fast for 100,000 of them."""
    return sorted(set(images), key=_NUMBER)


async def create_job_images(
    scope: Scope, tx: Transaction, project_id: int, job_id: int, images: list[UUID]
) -> None:
    """Store the IDs of a job's images in a separate row, sorted."""
    await tx.execute(
        "insert into job_images (job_id, project_id, image_ids) values (%s, %s, %b)",
        (job_id, project_id, images),
    )


async def expand_job(scope: Scope, tx: Transaction, job_id: int, chunk: int | None = None) -> bool:
    """Queue the next chunk of a job's images; return whether there are more.

    Tasks are unique by job and image, so a repeated chunk does no harm. The first chunk is small,
    so that work starts early. The last one marks the job `expanded`, and completes it immediately
    if it has no images. A final job is not changed.

    Raises:
        JobClosed: the job became final meanwhile.
    """
    await lock_job_work(scope, tx, job_id)
    cursor = await tx.execute(
        f"""
        select j.project_id, j.pipeline_slug, j.pipeline_version, j.selection, j.expanded_to,
            j.expected,
            case when l.job_id is null then j.created_at
                else clock_timestamp() end, l.job_id is not null
        from jobs j left join job_images l on l.job_id = j.id
        where j.id = %s and not expanded and not fetching and status in {LIVE}
        """,  # noqa: S608
        (job_id,),
    )
    row = await cursor.fetchone()
    if row is None:
        return False
    project_id, slug, version, selection, expanded_to, expected, asked_at, is_listed = row
    parameters = {
        **Selection.model_validate(
            {key: selection[key] for key in selection if key in FILTERS}
        ).model_dump(),
        "job": job_id,
        "project": project_id,
        "slug": slug,
        "asked_at": asked_at,
        "after": expanded_to,
        "chunk": chunk or (FIRST if expanded_to is None else CHUNK),
    }
    found = await (_select_listed if is_listed else _select_fitting)(tx, parameters)
    added = await add_tasks(scope, tx, project_id, job_id, (slug, str(version)), found.images)
    if expected is None and expanded_to is not None and not found.is_last:
        # Counted once, after the first chunk: leasing has started by now.
        await tx.execute(
            f"update jobs set expected = ({_COUNTED}) "  # noqa: S608
            f"where id = %(job)s and status in {LIVE}",
            parameters,
        )
    change = JobCounterChange(
        open=added, expanded=found.is_last, expanded_to=str(found.to) if found.to else None
    )
    await update_job(scope, tx, job_id, change, ACTOR)
    return not found.is_last


async def _select_fitting(tx: Transaction, parameters: dict[str, Any]) -> ExpansionChunk:
    images = [row[0] for row in await (await tx.execute(_SELECTED, parameters)).fetchall()]
    return ExpansionChunk(images, images[-1] if images else None, len(images) < parameters["chunk"])


async def _select_listed(tx: Transaction, parameters: dict[str, Any]) -> ExpansionChunk:
    row = await (await tx.execute(_LISTED, parameters)).fetchone()
    assert row is not None
    is_last, to, images = row
    return ExpansionChunk(images, to, is_last)


async def add_tasks(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    job_id: int,
    model: tuple[str, str],
    images: list[UUID],
) -> int:
    """Create tasks for images; return how many were new."""
    if not images:
        return 0
    cursor = await tx.execute(
        """
        insert into analyses (id, project_id, image_id, job_id, model_name, model_version, state,
            attempt, fence,
            errors, lost)
        select n.id, %s, n.image_id, %s, %s, %s, 'queued', 0, 0, 0, 0
        from unnest(%b::uuid[], %b::uuid[]) as n(id, image_id)
        on conflict (job_id, image_id) do nothing
        """,
        (project_id, job_id, *model, [uuid7() for _ in images], images),
    )
    return cursor.rowcount


async def list_unexpanded(
    scope: Scope, tx: Transaction, still_for_s: float
) -> list[tuple[int, bool]]:
    """List live jobs whose expansion has stopped.

    Return also whether their images must be downloaded first.
    """
    cursor = await tx.execute(
        f"""
        select id, fetching from jobs where status in {LIVE} and not expanded
          and updated_at <= clock_timestamp() - make_interval(secs => %s) order by id
        """,  # noqa: S608
        (still_for_s,),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]
