"""Notification subscriptions, their events, and the log of e-mails."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Select,
    UniqueConstraint,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Moment, Now, Row
from trapline.server.platform.errors import NotFound

WATCHING = 7230005
"""The lock for the search for silences: one process at a time is enough."""

_MEMBER = ["members.project_id", "members.user_id"]


class NoticeRow(Row):
    """A subscription of a member; it is deleted when the member leaves the project.

    `class_name` is only set for `class_seen`, and `silent_for_h` only for silences.
    """

    __tablename__ = "notices"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "user_id"], _MEMBER, ondelete="CASCADE"),
        UniqueConstraint("project_id", "user_id", "kind", "class_name", name="uq_notices_wish"),
        CheckConstraint(
            "case kind when 'deployment_silent' then silent_for_h is not null "
            "when 'source_silent' then silent_for_h is not null when 'job_failed' then true "
            "when 'class_seen' then class_name <> '' and confidence_min is not null else false end",
            name="kind",
        ),
        Index(
            "ix_notices_classes", "project_id", "class_name", postgresql_where="kind = 'class_seen'"
        ),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    user_id: Mapped[UUID]
    kind: Mapped[str]
    silent_for_h: Mapped[int | None] = mapped_column(Integer)
    class_name: Mapped[str] = mapped_column(default="", server_default="")
    confidence_min: Mapped[float | None] = mapped_column(Double)
    created_at: Mapped[Now]


class NoticeEventRow(Row):
    """An event of a subscription that no e-mail contains yet; written by database triggers."""

    __tablename__ = "notice_events"

    id: Mapped[Key]
    notice_id: Mapped[UUID] = mapped_column(
        ForeignKey("notices.id", ondelete="CASCADE"), index=True
    )
    data: Mapped[dict[str, Any]]
    created_at: Mapped[Moment]


class NoticeSilenceRow(Row):
    """A silent camera or source that was reported.

    The row is deleted when an image arrives again.
    """

    __tablename__ = "notice_silences"

    notice_id: Mapped[UUID] = mapped_column(
        ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True
    )
    about: Mapped[UUID] = mapped_column(primary_key=True)


class NoticeMailRow(Row):
    """An e-mail: its content, and the state of its delivery.

    `items` has at most 20 of its `told` events. `next_attempt_at` is also the end of the current
    claim.
    """

    __tablename__ = "notice_mails"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "user_id"], _MEMBER, ondelete="CASCADE"),
        CheckConstraint("state in ('waiting', 'delivered', 'failed')", name="state"),
        Index("ix_notice_mails_of", "project_id", "user_id", "kind", "created_at"),
        Index("ix_notice_mails_waiting", "next_attempt_at", postgresql_where="state = 'waiting'"),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    user_id: Mapped[UUID]
    kind: Mapped[str]
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    told: Mapped[int] = mapped_column(Integer)
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    created_at: Mapped[Moment]
    next_attempt_at: Mapped[Moment]
    give_up_at: Mapped[Moment]
    last_attempt_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class EmailStatus(NamedTuple):
    """The time of the last e-mail that was sent, and the error of the newest one, if any."""

    last_sent_at: datetime | None = None
    last_error: str | None = None


async def get_notice_row(scope: Scope, tx: Transaction, notice_id: UUID) -> NoticeRow:
    """Return a subscription of the caller.

    Raises:
        NotFound: the caller has no such subscription.
        Forbidden: the caller's role is too low.
    """
    row = await tx.session.get(NoticeRow, notice_id, with_for_update={"key_share": True})
    if row is None or row.user_id != scope.user_id or not scope.sees(row.project_id):
        raise NotFound
    scope.check(row.project_id)
    return row


async def upsert_notice(
    scope: Scope, tx: Transaction, wanted: NoticeRow, most: int
) -> NoticeRow | None:
    """Create or update a subscription of a member.

    None if the user is not a member, or has `most` subscriptions.
    """
    scope.check(wanted.project_id)
    cursor = await tx.execute(
        """
        insert into notices (id, project_id, user_id, kind, class_name, silent_for_h,
            confidence_min)
        select %(id)s, m.project_id, m.user_id, %(kind)s, %(class)s, %(hours)s, %(least)s
        from members m where m.project_id = %(project)s and m.user_id = %(user)s
          and (select count(*) from notices n where n.project_id = m.project_id
              and n.user_id = m.user_id
            and (n.kind, n.class_name) <> (%(kind)s, %(class)s)) < %(most)s
        on conflict (project_id, user_id, kind, class_name) do update
            set silent_for_h = excluded.silent_for_h, confidence_min = excluded.confidence_min
        returning id
        """,
        {
            "id": wanted.id,
            "project": wanted.project_id,
            "user": wanted.user_id,
            "kind": wanted.kind,
            "class": wanted.class_name,
            "hours": wanted.silent_for_h,
            "least": wanted.confidence_min,
            "most": most,
        },
    )
    row = await cursor.fetchone()
    return None if row is None else await tx.session.get(NoticeRow, row[0])


def select_own_notices(scope: Scope, project_id: int | None) -> Select[NoticeRow]:
    """Select the caller's subscriptions, in one project or in all."""
    statement = select(NoticeRow).where(NoticeRow.user_id == scope.user_id)
    if project_id is not None:
        scope.check(project_id)
        return statement.where(NoticeRow.project_id == project_id)
    return statement.where(NoticeRow.project_id.in_(scope.roles))


async def list_email_statuses(
    scope: Scope, tx: Transaction, user_id: UUID
) -> dict[tuple[int, str], EmailStatus]:
    """Return the state of the last e-mails of a user, by project and kind."""
    cursor = await tx.execute(
        """
        select n.project_id, n.kind, sent.at, newest.last_error
        from (select distinct project_id, user_id, kind from notices where user_id = %s) n
        left join lateral (
            select m.last_attempt_at as at from notice_mails m where m.project_id = n.project_id
              and m.user_id = n.user_id and m.kind = n.kind and m.state = 'delivered'
            order by m.created_at desc limit 1
        ) sent on true
        left join lateral (
            select m.last_error from notice_mails m
            where m.project_id = n.project_id and m.user_id = n.user_id and m.kind = n.kind
            order by m.created_at desc limit 1
        ) newest on true
        """,
        (user_id,),
    )
    return {(row[0], row[1]): EmailStatus(row[2], row[3]) for row in await cursor.fetchall()}


async def update_silences(scope: Scope, tx: Transaction) -> None:
    """Record cameras and sources that became silent since the last call, or sent images again.

    Ended and future deployments, paused sources, deleted projects, and an empty default deployment
    are ignored.
    """
    if not await try_lock(scope, tx, WATCHING):
        return
    await tx.execute(
        """
        with wanted as (
            select n.* from notices n join projects p on p.id = n.project_id
                and p.deleted_at is null
        ),
        silent as (
            select n.id as notice_id, d.id as about, d.id as deployment_id, d.name,
                'Deployment ' || right(replace(d.id::text, '-', ''), 12) as shown_name,
                null::uuid as source_id,
                null as error
            from wanted n join deployments d on d.project_id = n.project_id,
                lateral (select now() - make_interval(hours => n.silent_for_h) as at) since
            where n.kind = 'deployment_silent' and coalesce(d.ended_at > now(), true)
              and greatest(d.started_at, d.created_at) < since.at
              and not exists (select from images i where i.deployment_id = d.id
                  and i.created_at > since.at)
              and (not d.is_default or exists (select from images i where i.deployment_id = d.id))
            union all
            select n.id, s.id, s.deployment_id, s.name,
                'Source ' || right(replace(s.id::text, '-', ''), 12), s.id, s.last_error
            from wanted n join pull_sources s on s.project_id = n.project_id,
                lateral (select now() - make_interval(hours => n.silent_for_h) as at) since
            where n.kind = 'source_silent' and s.is_active and s.updated_at < since.at
              and not exists (
                select from images i
                where i.deployment_id = s.deployment_id and i.created_at > since.at
                    and i.source_id = s.id)
        ),
        heard as (
            delete from notice_silences x where not exists (
                select from silent s where s.notice_id = x.notice_id and s.about = x.about)
        ),
        begun as (
            insert into notice_silences (notice_id, about) select notice_id, about from silent
            on conflict do nothing returning notice_id, about
        )
        insert into notice_events (id, notice_id, data, created_at)
        select gen_random_uuid(), s.notice_id, jsonb_build_object('id', s.about,
            'name', case when x.hides then s.shown_name else s.name end,
            'error', case when x.hides then null else s.error end,
            'since', (
                select i.created_at from images i
                where i.deployment_id = s.deployment_id and (s.source_id is null
                    or i.source_id = s.source_id)
                order by i.created_at desc limit 1
            )), clock_timestamp()
        from begun b join silent s using (notice_id, about)
        cross join lateral (
            select exists (
                select from notices n
                left join members m on m.project_id = n.project_id and m.user_id = n.user_id
                cross join lateral list_sensitive_deployments(
                    array[n.project_id], array[s.deployment_id]) l
                where n.id = s.notice_id and case m.role
                    when 'owner' then 0 when 'manager' then l.manager
                    when 'reviewer' then l.reviewer when 'viewer' then l.viewer
                    else l.visitor end > 0
            ) as hides
        ) x
        """
    )


async def try_lock(scope: Scope, tx: Transaction, number: int) -> bool:
    """Lock a number until the transaction ends; return whether it was free."""
    cursor = await tx.execute("select pg_try_advisory_xact_lock(%s)", (number,))
    row = await cursor.fetchone()
    return row is not None and bool(row[0])
