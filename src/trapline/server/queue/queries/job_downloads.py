"""The image URLs of a job: all are downloaded before the images are queued."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.background_tasks import FETCHES
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Row
from trapline.server.queue.queries.job_counters import LIVE, record_transition
from trapline.wire.jobs import JobState

KEPT_DAYS = 30
"""Days for which the URLs of a failed or canceled run are kept for a retry."""
OF_PROJECT = 4
"""Downloading runs per project; further ones wait without blocking other projects."""


class JobDownloadRow(Row):
    """One image URL of a job.

    `again_at` is the time from which it may be downloaded; it is in the future while a process
    downloads it. The URL may contain a secret. It is stored encrypted, and deleted when the image
    is stored.
    """

    __tablename__ = "job_downloads"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "job_id"], ["jobs.project_id", "jobs.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["project_id", "deployment_id"],
            ["deployments.project_id", "deployments.id"],
            ondelete="CASCADE",
        ),
        Index("ix_job_downloads_deployment", "project_id", "deployment_id"),
    )

    job_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    project_id: Mapped[int]
    deployment_id: Mapped[UUID]
    id: Mapped[UUID]
    sealed_url: Mapped[bytes | None] = mapped_column(LargeBinary)
    attempts: Mapped[int] = mapped_column(default=0)
    again_at: Mapped[datetime | None]
    image_id: Mapped[UUID | None]


@dataclass(frozen=True)
class PendingDownload:
    """A URL to download, the number of the attempt, and the deployment of the image."""

    job_id: int
    number: int
    deployment_id: UUID
    id: UUID
    sealed_url: bytes
    attempt: int


class EncryptedUrl(NamedTuple):
    """An encrypted URL, and the row that it is bound to."""

    id: UUID
    sealed_url: bytes


async def create_downloads(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    job_id: int,
    deployment_id: UUID,
    addresses: list[EncryptedUrl],
) -> None:
    """Store the image URLs of a job."""
    await tx.execute(
        """
        insert into job_downloads (job_id, number, project_id, deployment_id, id, sealed_url,
            attempts)
        select %s, n.number, %s, %s, n.id, n.url, 0
        from unnest(%b::uuid[], %b::bytea[]) with ordinality as n(id, url, number)
        """,
        (
            job_id,
            project_id,
            deployment_id,
            [one.id for one in addresses],
            [one.sealed_url for one in addresses],
        ),
    )


async def claim_download(
    scope: Scope, tx: Transaction, job_id: int, for_s: float
) -> PendingDownload | None:
    """Claim the next URL of a live job for `for_s` seconds, or return None."""
    cursor = await tx.execute(
        f"""
        update job_downloads d set attempts = d.attempts + 1,
            again_at = clock_timestamp() + make_interval(secs => %(for_s)s)
        from (
            select job_id, number from job_downloads
            where job_id = %(job)s and image_id is null
                and coalesce(again_at, '-infinity') <= clock_timestamp()
              and exists (select 1 from jobs where id = %(job)s and fetching and status in {LIVE})
            order by number limit 1 for no key update skip locked
        ) mine
        where d.job_id = mine.job_id and d.number = mine.number
        returning d.job_id, d.number, d.deployment_id, d.id, d.sealed_url, d.attempts
        """,  # noqa: S608 - made of constants
        {"job": job_id, "for_s": for_s},
    )
    row = await cursor.fetchone()
    return None if row is None else PendingDownload(*row)


async def complete_download(
    scope: Scope, tx: Transaction, download: PendingDownload, image_id: UUID
) -> None:
    """Record the image of a URL, and delete the URL."""
    await tx.execute(
        "update job_downloads set image_id = %s, sealed_url = null where job_id = %s and number = "
        "%s",
        (image_id, download.job_id, download.number),
    )


async def reschedule_download(
    scope: Scope, tx: Transaction, download: PendingDownload, wait_s: float
) -> None:
    """Allow the next attempt at a URL after `wait_s` seconds."""
    await tx.execute(
        "update job_downloads set again_at = clock_timestamp() + make_interval(secs => %s)"
        " where job_id = %s and number = %s and image_id is null",
        (wait_s, download.job_id, download.number),
    )


async def release_download(scope: Scope, tx: Transaction, download: PendingDownload) -> None:
    """Release a URL that was not requested; the attempt does not count."""
    await tx.execute(
        "update job_downloads set attempts = attempts - 1, again_at = null"
        " where job_id = %s and number = %s and image_id is null",
        (download.job_id, download.number),
    )


async def reset_attempts(scope: Scope, tx: Transaction, job_id: int) -> None:
    """Reset the attempts of all URLs of a job that are not downloaded."""
    await tx.execute(
        "update job_downloads set attempts = 0, again_at = null where job_id = %s and image_id is "
        "null",
        (job_id,),
    )


async def get_next_delay_s(scope: Scope, tx: Transaction, job_id: int) -> float | None:
    """Return the seconds until the next URL of a job may be downloaded; None if none is left."""
    cursor = await tx.execute(
        f"""
        select extract(epoch
            from min(coalesce(d.again_at, clock_timestamp())) - clock_timestamp())::float8
        from job_downloads d where d.job_id = %(job)s and d.image_id is null
          and exists (select 1 from jobs where id = %(job)s and fetching and status in {LIVE})
        """,  # noqa: S608
        {"job": job_id},
    )
    row = await cursor.fetchone()
    assert row is not None
    return None if row[0] is None else max(0.0, row[0])


async def finish_downloads(scope: Scope, tx: Transaction, job_id: int) -> int | None:
    """Store the downloaded images of a job as its selection; return their number.

    Return 0 if there are no URLs any more, and None if it was done before or downloads are missing.
    """
    cursor = await tx.execute(
        "select project_id from jobs "  # noqa: S608
        f"where id = %s and fetching and status in {LIVE} for no key update",
        (job_id,),
    )
    job = await cursor.fetchone()
    if job is None:
        return None
    cursor = await tx.execute(
        """
        insert into job_images (job_id, project_id, image_ids)
        select job_id, project_id, array_agg(distinct image_id order by image_id) from job_downloads
        where job_id = %s group by job_id, project_id having bool_and(image_id is not null)
        returning cardinality(image_ids)
        """,
        (job_id,),
    )
    listed = await cursor.fetchone()
    if listed is None:
        left = await (
            await tx.execute("select from job_downloads where job_id = %s limit 1", (job_id,))
        ).fetchone()
        return 0 if left is None else None
    await tx.execute("delete from job_downloads where job_id = %s", (job_id,))
    await tx.execute(
        "update jobs set fetching = false, expected = %s, updated_at = clock_timestamp() where id "
        "= %s",
        (listed[0], job_id),
    )
    count: int = listed[0]
    return count


async def fail_download(scope: Scope, tx: Transaction, job_id: int, reason: str) -> bool:
    """Fail a job whose content cannot be downloaded; return False if it is final."""
    cursor = await tx.execute(
        f"""
        update jobs set status = 'failed', finished_at = clock_timestamp(),
            last_move = last_move + 1,
            updated_at = clock_timestamp()
        where id = %s and fetching and status in {LIVE} returning project_id, last_move
        """,  # noqa: S608
        (job_id,),
    )
    row = await cursor.fetchone()
    if row is None:
        return False
    await record_transition(scope, tx, job_id, row[0], row[1], JobState.FAILED, scope.actor, reason)
    return True


async def enqueue_downloads(scope: Scope, tx: Transaction, task: str, job_id: int) -> None:
    """Enqueue the background task that downloads a job's URLs, unless one is waiting.

    Background tasks with the same lock run one after the other: one task per job, and few per
    project.
    """
    await tx.execute(
        """
        select procrastinate.procrastinate_defer_jobs_v1(array[row(
            %(queue)s::varchar, %(task)s::varchar, 0,
            format('%%s of project %%s: %%s', %(task)s::varchar, j.project_id, j.id %% %(most)s),
            null, %(arguments)s::jsonb, null
        )::procrastinate.procrastinate_job_to_defer_v1])
        from jobs j where j.id = %(job)s and not exists (
            select from procrastinate.procrastinate_jobs c where c.status = 'todo'
                and c.queue_name = %(queue)s::varchar
              and c.task_name = %(task)s::varchar and c.args = %(arguments)s::jsonb
        )
        """,
        {
            "queue": FETCHES,
            "task": task,
            "job": job_id,
            "most": OF_PROJECT,
            "arguments": Jsonb({"job_id": job_id}),
        },
    )


async def has_active_downloads(scope: Scope, tx: Transaction, deployment_id: UUID) -> bool:
    """Return whether images of a live job are to be downloaded to a deployment."""
    cursor = await tx.execute(
        f"""
        select from job_downloads d join jobs j on j.id = d.job_id
        where d.deployment_id = %s and j.fetching and j.status in {LIVE} limit 1
        """,
        (deployment_id,),
    )
    return await cursor.fetchone() is not None


async def purge_download_batch(scope: Scope, tx: Transaction, limit: int) -> int:
    """Delete the expired URLs of ended jobs; return the number of jobs."""
    cursor = await tx.execute(
        f"""
        with old as (
            select id from jobs j where fetching and status not in {LIVE}
              and updated_at < now() - make_interval(days => %s)
              and exists (select from job_downloads d where d.job_id = j.id)
            limit %s for no key update skip locked
        ), gone as (delete from job_downloads d using old where d.job_id = old.id)
        select count(*) from old
        """,  # noqa: S608 - made of constants
        (KEPT_DAYS, limit),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0
