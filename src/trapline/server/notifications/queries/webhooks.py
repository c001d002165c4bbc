"""Webhooks of projects, and the log of their deliveries."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Select,
    any_,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.notifications.queries.nats_subjects import SUBJECTS
from trapline.server.notifications.rules.filters import DeliveryFilter, WebhookFilter
from trapline.server.platform.access import RANK, Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import filter_by
from trapline.server.platform.db.row import Key, Moment, Now, Row, Texts
from trapline.server.platform.errors import NotFound

COUNTED_TO = 10_000
REPLAYED_AT_ONCE = 10_000


class WebhookRow(Row):
    """A URL that receives events; `secrets` sign them, and are encrypted and bound to this row.

    Without `event_types` it receives all events. `failing_since` is the time since which no attempt
    has succeeded, `last_error` the reason of the last failure. `unreachable_since` is the time
    since which the NATS server cannot be reached; it is null for all other hosts.
    """

    __tablename__ = "webhooks"
    __table_args__ = (
        Unique("project_id", "id"),
        Index("ix_webhooks_failing", "host", postgresql_where="failing_since is not null"),
    )

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str]
    url: Mapped[str]
    host: Mapped[str]
    event_types: Mapped[Texts]
    analyses_of_jobs: Mapped[bool]
    secrets: Mapped[bytes] = mapped_column(LargeBinary)
    is_active: Mapped[bool]
    disabled_reason: Mapped[str | None]
    failing_since: Mapped[datetime | None]
    last_error: Mapped[str | None]
    unreachable_since: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


class DeliveryRow(Row):
    """An event for a webhook, written by a database trigger in the transaction of the event.

    New images are `gathering` until one event contains several of them. `taken_until` is the end of
    the current attempt, which also counts for the limit of its host. `attempts` restarts at a
    replay.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "webhook_id"], ["webhooks.project_id", "webhooks.id"], ondelete="CASCADE"
        ),
        CheckConstraint("state in ('gathering', 'waiting', 'delivered', 'failed')", name="state"),
        Index("ix_webhook_deliveries_time", "webhook_id", "created_at", "id"),
        Index(
            "ix_webhook_deliveries_waiting",
            "webhook_id",
            "next_attempt_at",
            postgresql_where="state = 'waiting'",
        ),
        Index(
            "ix_webhook_deliveries_gathering",
            "webhook_id",
            "created_at",
            postgresql_where="state = 'gathering'",
        ),
        Index(
            "ix_webhook_deliveries_taken",
            "webhook_id",
            "taken_until",
            postgresql_where="taken_until is not null",
        ),
        Index(
            "ix_webhook_deliveries_failed",
            "webhook_id",
            "created_at",
            postgresql_where="state = 'failed'",
        ),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    webhook_id: Mapped[UUID]
    event_type: Mapped[str]
    data: Mapped[dict[str, Any]]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    created_at: Mapped[Moment]
    next_attempt_at: Mapped[Moment]
    taken_until: Mapped[datetime | None]
    give_up_at: Mapped[Moment]
    last_attempt_at: Mapped[datetime | None]
    last_status: Mapped[int | None] = mapped_column(Integer)
    last_error: Mapped[str | None]
    response_excerpt: Mapped[str | None]
    duration_ms: Mapped[int | None] = mapped_column(Integer)


async def get_webhook_row(
    scope: Scope, tx: Transaction, webhook_id: UUID, *, lock: bool = False
) -> WebhookRow:
    """Return a webhook.

    Raises:
        NotFound, Forbidden: the caller has no such webhook.
    """
    row = await tx.session.get(
        WebhookRow, webhook_id, with_for_update={"key_share": True} if lock else None
    )
    if (
        row is None
        or row.deleted_at is not None
        or row.host == SUBJECTS
        or not scope.sees(row.project_id)
    ):
        raise NotFound
    scope.check(row.project_id)
    return row


def select_webhooks(
    scope: Scope, project_id: int | None, wanted: WebhookFilter
) -> Select[WebhookRow]:
    """Select the webhooks of a project, or of all in which the caller has the required role."""
    statement = select(WebhookRow).where(
        WebhookRow.deleted_at.is_(None), WebhookRow.host != SUBJECTS
    )
    statement = filter_by(
        statement, ((WebhookRow.name, wanted.name), (WebhookRow.is_active, wanted.is_active))
    )
    if wanted.event_type is not None:
        receives_all = func.cardinality(WebhookRow.event_types) == 0
        statement = statement.where(
            or_(receives_all, literal(wanted.event_type) == any_(WebhookRow.event_types))
        )
    if project_id is not None:
        scope.check(project_id)
        return statement.where(WebhookRow.project_id == project_id)
    if scope.everything:
        return statement
    own = [project for project, role in scope.roles.items() if RANK[role] >= RANK[scope.needs]]
    return statement.where(WebhookRow.project_id.in_(own))


async def get_delivery_row(
    scope: Scope, tx: Transaction, webhook: WebhookRow, delivery_id: UUID
) -> DeliveryRow:
    """Return a delivery of a webhook.

    Raises:
        NotFound: the webhook has no such delivery.
    """
    row = await tx.session.get(DeliveryRow, delivery_id, populate_existing=True)
    if row is None or row.webhook_id != webhook.id or row.state == "gathering":
        raise NotFound
    return row


def select_deliveries(
    scope: Scope, webhook: WebhookRow, wanted: DeliveryFilter
) -> Select[DeliveryRow]:
    """Select the deliveries of a webhook that match a filter."""
    scope.check(webhook.project_id)
    statement = select(DeliveryRow).where(DeliveryRow.webhook_id == webhook.id)
    if wanted.event_type is not None:
        statement = statement.where(DeliveryRow.event_type == wanted.event_type)
    if wanted.created_after is not None:
        statement = statement.where(DeliveryRow.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        statement = statement.where(DeliveryRow.created_at < wanted.created_before)
    return statement.where(
        DeliveryRow.state != "gathering"
        if wanted.state is None
        else DeliveryRow.state == wanted.state
    )


async def count_deliveries(
    scope: Scope, tx: Transaction, webhook_ids: Sequence[UUID]
) -> dict[UUID, tuple[int, int]]:
    """Count the waiting and failed deliveries of each webhook, each up to 10,000."""
    cursor = await tx.execute(
        """
        select w.id,
            (select count(*) from (
                select from webhook_deliveries d where d.webhook_id = w.id and d.state = 'waiting'
                    limit %(most)s) x),
            (select count(*) from (
                select from webhook_deliveries d where d.webhook_id = w.id and d.state = 'failed'
                    limit %(most)s) x)
        from unnest(%(ids)s::uuid[]) as w (id)
        """,
        {"ids": list(webhook_ids), "most": COUNTED_TO},
    )
    return {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}


async def requeue_deliveries(
    scope: Scope,
    tx: Transaction,
    webhook: WebhookRow,
    ids: Sequence[UUID] | None,
    wanted: DeliveryFilter,
) -> int:
    """Queue these deliveries, or up to 10,000 failed ones that match, for another day.

    Returns their number.
    """
    chosen = select_deliveries(
        scope, webhook, wanted if ids is not None else replace(wanted, state="failed")
    )
    if ids is not None:
        chosen = chosen.where(DeliveryRow.id.in_(ids))
    locked = (
        chosen.order_by(DeliveryRow.created_at)
        .limit(REPLAYED_AT_ONCE)
        .with_for_update(key_share=True, skip_locked=True)
    )
    moment = func.clock_timestamp()
    again = {
        "state": "waiting",
        "attempts": 0,
        "next_attempt_at": moment,
        "give_up_at": moment + timedelta(days=1),
    }
    statement = (
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(locked.with_only_columns(DeliveryRow.id)))
        .values(again)
    )
    replayed = await tx.session.execute(
        statement.returning(DeliveryRow.id), execution_options={"synchronize_session": False}
    )
    return len(replayed.all())
