"""Submit: a run that is asked for becomes a job in one transaction of few statements, whatever its content."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from trapline.server.db.base import Transaction
from trapline.server.rules.access import Scope


@dataclass(frozen=True)
class Runnable:
    """What is run: the number of the job to be, its pipeline as it is registered now, and how its preset runs it."""

    job_id: int
    pipeline_id: int | None
    slug: str
    version: int
    name: str
    parameters: dict[str, Any]
    priority: int


@dataclass(frozen=True)
class Submitted:
    """A job to be written."""

    what: Runnable
    project_id: int
    preset: str | None
    priority: int
    parameters: dict[str, Any]
    metadata: dict[str, Any]
    selection: dict[str, Any]
    preview: str
    fetching: bool
    expected: int | None
    expanded: bool


async def find_places(scope: Scope, tx: Transaction, images: Sequence[UUID]) -> list[tuple[int, int, str | None]]:
    """Tell of which projects these images are: how many of each; with each the file name of the first image of all."""
    cursor = await tx.execute(
        """
        select project_id, count(*), (select filename from images where id = %s) from images
        where id = any(%b) group by project_id
        """,
        (images[0], list(images)),
    )
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


async def find_deployment_place(scope: Scope, tx: Transaction, deployment_id: UUID) -> tuple[UUID, int, str] | None:
    """Tell of which project a deployment is, and its name."""
    cursor = await tx.execute("select id, project_id, name from deployments where id = %s", (deployment_id,))
    return await cursor.fetchone()


async def find_default_place(scope: Scope, tx: Transaction, project_id: int) -> tuple[UUID, int, str] | None:
    """Tell which deployment takes a project's images without one."""
    cursor = await tx.execute(
        "select id, project_id, name from deployments where project_id = %s and is_default", (project_id,)
    )
    return await cursor.fetchone()


_NEXT = "nextval(pg_get_serial_sequence('jobs', 'id'))"
_BY_SLUG = f"""
    select {_NEXT}, id, slug, version, name, '{{}}'::jsonb, 1 from pipelines where project_id = %s and slug = %s
"""  # noqa: S608 - made of constants
_BY_PRESET = f"""
    select {_NEXT}, p.id, r.pipeline_slug, p.version, r.name, r.parameters, r.priority
    from presets r left join pipelines p on p.project_id = r.project_id and p.slug = r.pipeline_slug
    where r.project_id = %s and r.name = %s
"""  # noqa: S608 - made of constants


async def find_runnable(
    scope: Scope, tx: Transaction, project_id: int, preset: str | None, slug: str | None
) -> Runnable | None:
    """Find a preset or a pipeline of a project by its name; a preset's pipeline may be gone."""
    cursor = await tx.execute(_BY_SLUG if preset is None else _BY_PRESET, (project_id, slug or preset))
    row = await cursor.fetchone()
    return None if row is None else Runnable(*row)


async def write_job(scope: Scope, tx: Transaction, job: Submitted) -> None:
    """Write the row of a job; its first move is not written here."""
    await tx.execute(
        """
        insert into jobs (id, project_id, pipeline_id, name, pipeline_slug, pipeline_version, status, priority,
            standing, paused, parameters, selection, requested_by, preset, content_preview, metadata, fetching,
            expanded, expected, open, completed, failed, discarded, last_move)
        values (%s, %s, %s, %s, %s, %s, 'queued', %s, false, false, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 0, 0,
            1)
        """,
        (
            job.what.job_id,
            job.project_id,
            job.what.pipeline_id,
            job.what.name,
            job.what.slug,
            job.what.version,
            job.priority,
            Jsonb(job.parameters),
            Jsonb(job.selection),
            scope.actor,
            job.preset,
            job.preview,
            Jsonb(job.metadata),
            job.fetching,
            job.expanded,
            job.expected,
            job.expected if job.expanded else 0,
        ),
    )
