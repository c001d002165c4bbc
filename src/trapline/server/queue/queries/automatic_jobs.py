"""Automatic jobs: one per project and automatic pipeline, to which each new image is added."""

from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.expansion import ACTOR, add_tasks
from trapline.server.queue.queries.job_counters import LIVE, TASKS, JobCounterChange, update_job


async def add_to_automatic_jobs(
    scope: Scope, tx: Transaction, project_id: int, image_ids: list[UUID]
) -> None:
    """Add new images to the project's automatic job, if its automatic pipeline is registered.

    The hook `image_added` calls this in the transaction that stores the images, as late as
    possible, because the job's row is updated last. The first image creates the job.
    """
    while image_ids:
        cursor = await tx.execute(
            f"""
            select p.id, p.slug, p.version, p.name, j.id from projects o
            join pipelines p on p.project_id = o.id and p.slug = o.automatic_pipeline
            left join jobs j on j.project_id = o.id and j.pipeline_id = p.id and j.standing
                and j.status in {LIVE}
            where o.id = %s
            """,  # noqa: S608
            (project_id,),
        )
        row = await cursor.fetchone()
        if row is None:
            return
        pipeline_id, slug, version, name, job_id = row
        if job_id is None:
            await _make_standing_job(scope, tx, project_id, (pipeline_id, slug, version, name))
            continue
        added = await add_tasks(scope, tx, project_id, job_id, (slug, str(version)), image_ids)
        if await _open_standing(tx, job_id, added):
            return
        # The automatic pipeline was disabled meanwhile: remove the tasks, and read the project
        # again.
        await tx.execute(
            "delete from analyses where job_id = %s and image_id = any(%s)", (job_id, image_ids)
        )


async def _open_standing(tx: Transaction, job_id: int, added: int) -> bool:
    cursor = await tx.execute(
        f"""
        update jobs set open = open + %s, updated_at = clock_timestamp()
        where id = %s and standing and status in {LIVE}
        """,  # noqa: S608
        (added, job_id),
    )
    tx.announce(TASKS, job_id)
    return cursor.rowcount == 1


async def _make_standing_job(
    scope: Scope, tx: Transaction, project_id: int, pipeline: tuple[int, str, int, str]
) -> None:
    pipeline_id, slug, version, name = pipeline
    await tx.execute(
        """
        with made as (
            insert into jobs (project_id, pipeline_id, name, pipeline_slug, pipeline_version,
                status, priority,
                standing, paused, parameters, selection, requested_by, expanded, open, completed,
                    failed, discarded,
                last_move)
            values (%(project)s, %(pipeline)s, %(name)s, %(slug)s, %(version)s, 'queued', 1,
                true, false, '{}', '{}', null, true, 0, 0, 0, 0, 1)
            on conflict (project_id, pipeline_id) where standing
                and status in ('queued', 'processing') do nothing
            returning id
        )
        insert into job_moves (job_id, number, project_id, from_state, to_state, actor, reason)
        select id, 1, %(project)s, 'new', 'queued', %(actor)s, 'takes each new image' from made
        """,
        {
            "project": project_id,
            "pipeline": pipeline_id,
            "name": f"{name}: each new image",
            "slug": slug,
            "version": version,
            "actor": ACTOR,
        },
    )


async def finish_automatic_jobs(scope: Scope, tx: Transaction, project_id: int) -> None:
    """End the automatic jobs of pipelines that are no longer the project's automatic pipeline.

    Each job ends with its last open task.
    """
    cursor = await tx.execute(
        f"""
        update jobs j set standing = false, updated_at = clock_timestamp() from projects o
        where o.id = j.project_id and o.id = %s and j.standing and j.status in {LIVE}
          and j.pipeline_slug is distinct from o.automatic_pipeline
        returning j.id
        """,  # noqa: S608
        (project_id,),
    )
    for (job_id,) in await cursor.fetchall():
        await update_job(scope, tx, job_id, JobCounterChange(), scope.actor)


async def finish_replaced_automatic_jobs(
    scope: Scope, tx: Transaction, project_id: int, changed: frozenset[str]
) -> None:
    """Finish the automatic jobs of a project if its automatic pipeline has changed."""
    if "automatic_pipeline" in changed:
        await finish_automatic_jobs(scope, tx, project_id)
