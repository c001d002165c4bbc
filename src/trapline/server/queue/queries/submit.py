"""Submit a run: create its job in one transaction of few statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.job_counters import TASKS


@dataclass(frozen=True)
class RunTarget:
    """The target of a run: its pipeline, the settings of its preset, and the new job's ID."""

    job_id: int
    pipeline_id: int | None
    slug: str
    version: int
    name: str
    parameters: dict[str, Any]
    priority: int


@dataclass(frozen=True)
class JobSubmission:
    """A new job; one with `waits` is not leased until a user starts it.

    `tasks` are the images of a job that is queued immediately; None if a background task expands
    it.
    """

    what: RunTarget
    project_id: int
    preset: str | None
    priority: int
    parameters: dict[str, Any]
    metadata: dict[str, Any]
    selection: dict[str, Any]
    preview: str
    fetching: bool
    expected: int | None
    tasks: Sequence[UUID] | None
    waits: bool


_NEXT = "nextval('jobs_id_seq')"
_BY_SLUG = f"""
    select {_NEXT}, p.id, p.slug, p.version, p.name, '{{}}'::jsonb, 1
    from pipelines p where p.project_id = asked.project_id and p.slug = %s
"""  # noqa: S608 - made of constants
_BY_PRESET = f"""
    select {_NEXT}, p.id, r.pipeline_slug, p.version, r.name, r.parameters, r.priority
    from presets r left join pipelines p on p.project_id = r.project_id and p.slug = r.pipeline_slug
    where r.project_id = asked.project_id and r.name = %s
"""  # noqa: S608 - made of constants


@dataclass(frozen=True)
class ContentProject:
    """A project of the content:

    the number of its images, a file name, and the target of the run.
    """

    project_id: int
    count: int
    first: str | None
    what: RunTarget | None


async def list_image_projects(
    scope: Scope, tx: Transaction, images: Sequence[UUID], preset: str | None, slug: str | None
) -> list[ContentProject]:
    """List the projects of these images, each with the preset or pipeline of this name."""
    cursor = await tx.execute(
        f"""
        select asked.*, r.* from (
            select project_id, count(*), (select filename from images where id = %s) from images
            where id = any(%b) and deleted_at is null group by project_id
        ) asked left join lateral ({_BY_SLUG if preset is None else _BY_PRESET}) r on true
        """,  # noqa: S608 - made of constants
        (images[0], list(images), slug or preset),
    )
    return [
        ContentProject(row[0], row[1], row[2], None if row[3] is None else RunTarget(*row[3:]))
        for row in await cursor.fetchall()
    ]


async def get_deployment_project(
    scope: Scope, tx: Transaction, deployment_id: UUID
) -> tuple[UUID, int, str] | None:
    """Return the project of a deployment, and its name."""
    cursor = await tx.execute(
        "select id, project_id, name from deployments where id = %s", (deployment_id,)
    )
    return await cursor.fetchone()


async def get_sequence_project(
    scope: Scope, tx: Transaction, sequence_id: UUID
) -> tuple[int, list[UUID]] | None:
    """Return the project and images of a sequence; the images stay the same if it is regrouped.

    Return None if it does not exist or is about to be regrouped; such a sequence is hidden from
    users too.
    """
    cursor = await tx.execute(
        """
        select s.project_id, array(select i.id from images i where i.sequence_id = s.id
            order by i.id)
        from sequences s where s.id = %s and not s.dissolve
        """,
        (sequence_id,),
    )
    return await cursor.fetchone()


async def get_default_deployment(
    scope: Scope, tx: Transaction, project_id: int
) -> tuple[UUID, int, str] | None:
    """Return the deployment for a project's images without one."""
    cursor = await tx.execute(
        "select id, project_id, name from deployments where project_id = %s and is_default",
        (project_id,),
    )
    return await cursor.fetchone()


async def find_run_target(
    scope: Scope, tx: Transaction, project_id: int, preset: str | None, slug: str | None
) -> RunTarget | None:
    """Find a preset or a pipeline of a project by name; the pipeline of a preset may be missing."""
    by_name = _BY_SLUG if preset is None else _BY_PRESET
    cursor = await tx.execute(
        "select r.* from (select %s::bigint as project_id) asked, "  # noqa: S608
        f"lateral ({by_name}) r",
        (project_id, slug or preset),
    )
    row = await cursor.fetchone()
    return None if row is None else RunTarget(*row)


async def create_job(scope: Scope, tx: Transaction, job: JobSubmission) -> None:
    """Create a job with its first transition, and the tasks of a short one, in one statement.

    A statement costs more than its rows.
    """
    tx.announce(TASKS, job.what.job_id)
    await tx.execute(
        """
        with job as (
            insert into jobs (id, project_id, pipeline_id, name, pipeline_slug, pipeline_version,
                status, priority,
                standing, paused, not_started, parameters, selection, requested_by, preset,
                    content_preview, metadata,
                fetching, expanded, expected, open, completed, failed, discarded, last_move)
            values (%(job)s, %(project)s, %(pipeline)s, %(name)s, %(slug)s, %(version)s, 'queued',
                %(priority)s, false,
                %(waits)s, %(waits)s, %(parameters)s, %(selection)s, %(actor)s, %(preset)s,
                    %(preview)s, %(metadata)s,
                %(fetching)s, %(expanded)s, %(expected)s, cardinality(%(images)b::uuid[]), 0, 0, 0,
                    1)
        ),
        tasks as (
            insert into analyses (id, project_id, image_id, job_id, model_name, model_version,
                state, attempt, fence,
                errors, lost)
            select n.id, %(project)s, n.image_id, %(job)s, %(slug)s, %(version)s::int::text,
                'queued', 0, 0, 0, 0
            from unnest(%(tasks)b::uuid[], %(images)b::uuid[]) as n(id, image_id)
        )
        insert into job_moves (job_id, number, project_id, from_state, to_state, actor, worker_id)
        values (%(job)s, 1, %(project)s, 'new', 'queued', %(actor)s, %(worker)s)
        """,
        {
            "job": job.what.job_id,
            "project": job.project_id,
            "pipeline": job.what.pipeline_id,
            "name": job.what.name,
            "slug": job.what.slug,
            "version": job.what.version,
            "priority": job.priority,
            "waits": job.waits,
            "parameters": Jsonb(job.parameters),
            "selection": Jsonb(job.selection),
            "actor": scope.actor,
            "preset": job.preset,
            "preview": job.preview,
            "metadata": Jsonb(job.metadata),
            "fetching": job.fetching,
            "expanded": job.tasks is not None,
            "expected": job.expected,
            "tasks": [uuid7() for _ in job.tasks or ()],
            "images": list(job.tasks or ()),
            "worker": scope.origin.worker_id,
        },
    )
