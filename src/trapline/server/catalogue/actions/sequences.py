"""List and get sequences with their images, and group images in the background."""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select, true
from sqlalchemy.orm import aliased

from trapline.server.catalogue.actions.images import build_images
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.images.queries.images import ImageRow
from trapline.server.images.queries.locations import list_precisions
from trapline.server.images.queries.sequences import (
    SequenceRow,
    empty_sequence,
    get_sequence_row,
    group_batch,
    list_stale_sequences,
    list_ungrouped,
    select_sequences,
    split_sequence,
)
from trapline.server.images.rules.locations import get_shown_name
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.wire.sequences import Sequence
from trapline.wire.values import Page

BATCH = 2000
AT_ONCE = 200
SHOWN = 6
MOST_SHOWN = 1000


@dataclass(frozen=True)
class SequenceFilter:
    """Conditions of a list of sequences; None matches all. Times are those of first images."""

    deployment_id: UUID | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    images_min: int | None = None


async def list_sequences(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: SequenceFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Page[Sequence]:
    """List sequences by start time, each with its first SHOWN images."""
    async with system.database.transaction(scope) as tx:
        statement = _filter(select_sequences(scope, project_id), wanted)
        rows, following = await fetch_page(
            tx,
            statement,
            [(SequenceRow.started_at, datetime), (SequenceRow.id, UUID)],
            descending=descending,
            limit=limit,
            cursor=cursor,
        )
        count, estimated = await count_rows(tx, statement)
        results = await _build_sequences(system, scope, tx, rows, SHOWN)
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


def _filter(statement: Select[SequenceRow], wanted: SequenceFilter) -> Select[SequenceRow]:
    if wanted.deployment_id is not None:
        statement = statement.where(SequenceRow.deployment_id == wanted.deployment_id)
    if wanted.started_after is not None:
        statement = statement.where(SequenceRow.started_at >= wanted.started_after)
    if wanted.started_before is not None:
        statement = statement.where(SequenceRow.started_at < wanted.started_before)
    if wanted.images_min is not None:
        statement = statement.where(SequenceRow.images >= wanted.images_min)
    return statement


async def get_sequence(system: AppContext, scope: Scope, sequence_id: UUID) -> Sequence:
    """Get a sequence with its first MOST_SHOWN images. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_sequence_row(scope, tx, sequence_id)
        [sequence] = await _build_sequences(system, scope, tx, [row], MOST_SHOWN)
    return sequence


async def _build_sequences(
    system: AppContext, scope: Scope, tx: Transaction, rows: Several[SequenceRow], most: int
) -> list[Sequence]:
    first = (
        select(ImageRow)
        .where(ImageRow.sequence_id == SequenceRow.id)
        .order_by(ImageRow.captured_at, ImageRow.id)
        .limit(most)
        .lateral()
    )
    image = aliased(ImageRow, first)
    statement = (
        select(image)
        .select_from(SequenceRow)
        .join(first, true())
        .where(SequenceRow.id.in_([row.id for row in rows]))
        .order_by(image.captured_at, image.id)
    )
    found = list((await tx.session.scalars(statement)).all())
    shown: dict[UUID | None, list[int]] = {}
    for number, one in enumerate(found):
        shown.setdefault(one.sequence_id, []).append(number)
    images = await build_images(system, scope, tx, found)
    deployments = {row.deployment_id for row in rows}
    withheld = await list_precisions(scope, tx, {row.project_id for row in rows}, deployments)
    places = {
        key: (get_shown_name(key) if key in withheld else name, zone)
        for key, name, zone in (
            await tx.session.execute(
                select(DeploymentRow.id, DeploymentRow.name, DeploymentRow.time_zone).where(
                    DeploymentRow.id.in_(deployments)
                )
            )
        ).all()
    }
    return [
        Sequence(
            id=row.id,
            project_id=row.project_id,
            deployment_id=row.deployment_id,
            deployment_name=places[row.deployment_id][0],
            time_zone=places[row.deployment_id][1],
            started_at=row.started_at,
            ended_at=row.ended_at,
            images=row.images,
            manual=row.manual,
            shown=[images[number] for number in shown.get(row.id, [])],
        )
        for row in rows
    ]


async def group_images(system: AppContext, scope: Scope) -> bool:
    """Split or dissolve stale sequences and group new images; return whether more may remain.

    Each step is a separate transaction, and the rows record the remaining work, so another process
    can continue after a kill.
    """
    async with system.database.transaction(scope) as tx:
        unsettled = await list_stale_sequences(scope, tx, AT_ONCE)
    for sequence_id, is_dissolved in unsettled:
        async with system.database.transaction(scope) as tx:
            await (empty_sequence if is_dissolved else split_sequence)(scope, tx, sequence_id)
    async with system.database.transaction(scope) as tx:
        deployments = await list_ungrouped(scope, tx, AT_ONCE)
    grouped = []
    for deployment_id in deployments:
        async with system.database.transaction(scope) as tx:
            grouped.append(await group_batch(scope, tx, deployment_id, BATCH))
    return len(unsettled) == AT_ONCE or any(count == BATCH for count in grouped)
