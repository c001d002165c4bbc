"""Counts of reviewed images by deployment and by person."""

from datetime import datetime
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.observation_rows import SEVERAL_SOURCES


async def list_deployment_progress(
    scope: Scope, tx: Transaction, project_id: int
) -> list[tuple[UUID, str, int, int]]:
    """List deployments with their numbers of images and reviewed images, most to do first.

    The images are counted by day and can be some seconds old.
    """
    scope.check(project_id)
    cursor = await tx.execute(
        """
        with counted as (
            select deployment_id, sum(images)::bigint as images from day_counts
            where project_id = %(project)s and class_name = '' group by 1
        ), done as (
            select deployment_id, count(*) as reviewed from images
            where project_id = %(project)s and reviewed and deleted_at is null group by 1
        )
        select d.id, d.name, greatest(coalesce(c.images, 0), coalesce(o.reviewed, 0)),
            coalesce(o.reviewed, 0)
        from deployments d left join counted c on c.deployment_id = d.id
        left join done o on o.deployment_id = d.id
        where d.project_id = %(project)s and (c.images > 0 or o.reviewed > 0)
        """,
        {"project": project_id},
    )
    rows = [(key, name, images, done) for key, name, images, done in await cursor.fetchall()]
    return sorted(rows, key=lambda row: (row[3] - row[2], row[1]))


async def count_images_by_person(scope: Scope, tx: Transaction, project_id: int) -> dict[str, int]:
    """Count the images whose current observations are of one person, by actor."""
    scope.check(project_id)
    cursor = await tx.execute(
        """
        select c.identified_by, count(distinct c.image_id) from observed_classes c
        where c.set_id = (select observation_set_id from projects where id = %s)
            and c.human and c.identified_by <> %s group by 1
        """,
        (project_id, SEVERAL_SOURCES),
    )
    return dict(await cursor.fetchall())


async def count_recent_by_person(
    scope: Scope, tx: Transaction, project_id: int, since: datetime
) -> dict[str, int]:
    """Count the images that people decided about since a time, by actor."""
    scope.check(project_id)
    cursor = await tx.execute(
        """
        select made_by, count(distinct image_id) from identifications
        where project_id = %s and created_at >= %s and withdrawn_at is null and kind <> 'comment'
        group by 1
        """,
        (project_id, since),
    )
    return dict(await cursor.fetchall())
