"""Queries that delete a project permanently, in batches."""

from datetime import datetime
from typing import NamedTuple

from trapline.server.images.queries.image_deletion import ImagePurgeCandidate
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

PARTS = (
    "pulled_files",
    "pull_runs",
    "webhook_deliveries",
    "export_images",
    "review_set_images",
    "review_set_reviews",
    "review_set_items",
)
"""Large tables, which are purged in batches before the project."""

HOLDING = ("pull_sources", "pipeline_algorithms", "taxon_labels", "sensitive_taxa")
"""Tables whose rows reference other rows of the project, and are purged before those."""


class ProjectPurgeCandidate(NamedTuple):
    """A deleted project whose retention is over."""

    id: int
    name: str
    created_at: datetime
    deleted_at: datetime


async def claim_purge_candidate(
    scope: Scope, tx: Transaction, kept_s: float
) -> ProjectPurgeCandidate | None:
    """Lock a project that was deleted more than `kept_s` seconds ago; skip locked ones."""
    cursor = await tx.execute(
        "select id, name, created_at, deleted_at from projects"
        " where deleted_at <= now() - make_interval(secs => %s) order by deleted_at limit 1 for "
        "update skip locked",
        (kept_s,),
    )
    row = await cursor.fetchone()
    return ProjectPurgeCandidate(*row) if row else None


async def list_project_images(
    scope: Scope, tx: Transaction, project_id: int, limit: int
) -> list[ImagePurgeCandidate]:
    """List and lock some images of a project that is purged."""
    cursor = await tx.execute(
        """
        select id, project_id, deployment_id, filename, sha256, storage_key, upright_key,
            width, height, captured_at,
            coalesce(deleted_at, now()), deleted_by, deletion_reason
        from images where project_id = %s limit %s for update
        """,
        (project_id, limit),
    )
    return [ImagePurgeCandidate(*row) for row in await cursor.fetchall()]


async def purge_project_parts(scope: Scope, tx: Transaction, project_id: int, limit: int) -> int:
    """Purge a batch of the large tables of a project; return the number of rows."""
    gone = 0
    for table in PARTS:
        cursor = await tx.execute(
            f"delete from {table} where ctid in"  # noqa: S608
            f" (select ctid from {table} where project_id = %s limit %s)",
            (project_id, limit),
        )
        gone += cursor.rowcount
    return gone


async def purge_project(scope: Scope, tx: Transaction, project_id: int) -> None:
    """Purge a project with all remaining rows."""
    for table in HOLDING:
        await tx.execute(f"delete from {table} where project_id = %s", (project_id,))  # noqa: S608
    # Triggers recorded these days while the images were purged.
    await tx.execute("delete from dirty_days where project_id = %s", (project_id,))
    await tx.execute("delete from projects where id = %s", (project_id,))
