"""Queries of the images of imported events, and of what their package states about them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.wire.identifications import MOST_SEQUENCE_IMAGES


class EventImage(NamedTuple):
    """An image of an event and its sequence."""

    id: UUID
    sequence_id: UUID | None


async def lock_deployments(scope: Scope, tx: Transaction, deployments: Sequence[UUID]) -> None:
    """Lock deployments until the transaction ends; wait for others that group their images."""
    await tx.execute(
        "select from deployments where id = any(%b) order by id for no key update",
        (sorted(deployments),),
    )


async def list_event_images(
    scope: Scope, tx: Transaction, project_id: int, images: Collection[UUID]
) -> dict[UUID, EventImage]:
    """List those of these images that exist, with their sequences."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select id, sequence_id from images"
        " where id = any(%b) and project_id = %s and deleted_at is null",
        (list(images), project_id),
    )
    return {key: EventImage(key, sequence) for key, sequence in await cursor.fetchall()}


async def list_images_of_periods(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    periods: Sequence[tuple[int, UUID, datetime, datetime]],
) -> dict[int, frozenset[UUID]]:
    """List the images of deployments in periods, by the number of the period; ends are excluded."""
    scope.check(project_id)
    found: dict[int, set[UUID]] = {}
    if periods:
        cursor = await tx.execute(
            """
            select p.number, i.id
            from unnest(%s::int[], %s::uuid[], %s::timestamptz[], %s::timestamptz[])
                as p(number, deployment_id, began, over)
            cross join lateral (
                select id from images i where i.deployment_id = p.deployment_id
                    and i.project_id = %s and i.deleted_at is null
                    and i.captured_at >= p.began and i.captured_at < p.over
                order by i.captured_at limit %s
            ) i
            """,
            (
                *(list(column) for column in zip(*periods, strict=True)),
                project_id,
                MOST_SEQUENCE_IMAGES,
            ),
        )
        for number, image_id in await cursor.fetchall():
            found.setdefault(number, set()).add(image_id)
    return {number: frozenset(images) for number, images in found.items()}


async def list_statement_times(
    scope: Scope, tx: Transaction, images: Sequence[UUID]
) -> dict[UUID, datetime]:
    """Return the time of the first imported identification of each image or of its boxes."""
    cursor = await tx.execute(
        """
        select d.image_id, min(d.created_at) from identifications d
        join imported_images m on m.image_id = d.image_id
        where d.image_id = any(%b) and d.sequence_id is null and d.withdrawn_at is null
            and (m.observations ? d.id::text or m.observations ? d.annotation_id::text)
        group by 1
        """,
        (list(images),),
    )
    return dict(await cursor.fetchall())


async def list_images_by_machines(
    scope: Scope, tx: Transaction, images: Sequence[UUID]
) -> set[UUID]:
    """Return the images with an imported finding that no person identified."""
    cursor = await tx.execute(
        """
        select distinct n.image_id from annotations n
        join imported_images m on m.image_id = n.image_id and m.observations ? n.id::text
        where n.image_id = any(%b) and not exists (
            select from identifications d
            where d.image_id = n.image_id and d.annotation_id = n.id and d.withdrawn_at is null
        )
        """,
        (list(images),),
    )
    return {key for (key,) in await cursor.fetchall()}
