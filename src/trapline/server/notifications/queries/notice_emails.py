"""E-mails on their way: gathered out of what happened, taken by one process at a time, settled, and forgotten."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from trapline.server.notifications.queries.notices import try_lock
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

GATHERING = 7230006
"""The lock of whoever gathers: two at once would write to the same person twice."""
KEPT_DAYS = 30
TOLD_AT_MOST = 20
EVENTS_KEPT_DAYS = 2
"""Longer than an e-mail is tried, so that nothing is lost behind one that waits."""


class ClaimedEmail(NamedTuple):
    """An e-mail that this process sends, with whom it goes to and the project that it is about."""

    id: UUID
    project_id: int
    kind: str
    items: list[dict[str, Any]]
    told: int
    attempts: int
    created_at: datetime
    give_up_at: datetime
    email: str
    project: str


async def create_emails(scope: Scope, tx: Transaction, gather_s: float, every_s: float) -> None:
    """Make e-mails of what happened: one for each person, project and kind, at most one each
    `every_s` seconds.

    What happens within `gather_s` seconds goes together; behind an e-mail that could not be sent
    yet all waits. Of images that were deleted meanwhile nothing is told.
    """
    if not await try_lock(scope, tx, GATHERING):
        return
    await tx.execute(
        """
        with due as (
            select n.project_id, n.user_id, n.kind from notice_events e join notices n on n.id = e.notice_id
            group by 1, 2, 3
            having min(e.created_at) <= clock_timestamp() - make_interval(secs => %(gather)s)
              and not exists (
                select from notice_mails m
                where m.project_id = n.project_id and m.user_id = n.user_id and m.kind = n.kind
                  and (m.state = 'waiting' or m.created_at > clock_timestamp() - make_interval(secs => %(every)s)))
            limit 100
        ),
        taken as (
            delete from notice_events e using notices n, due
            where n.id = e.notice_id
              and n.project_id = due.project_id and n.user_id = due.user_id and n.kind = due.kind
            returning e.id, e.notice_id, n.project_id, n.user_id, n.kind, e.data, e.created_at
        ),
        told as (
            select project_id, user_id, kind, data, created_at from taken where kind <> 'class_seen'
            union all
            select project_id, user_id, kind, jsonb_build_object('class_name', min(data->>'class_name'),
                'count', sum((data->>'count')::bigint - gone), 'confidence', max((data->>'confidence')::float8),
                'ids', jsonb_agg(kept order by created_at)->0), min(created_at)
            from taken cross join lateral (
                select count(*) filter (where i.id is null) as gone,
                    coalesce(jsonb_agg(i.id order by s.place) filter (where i.id is not null), '[]') as kept
                from jsonb_array_elements_text(data->'ids') with ordinality s (id, place)
                left join images i on i.id = s.id::uuid and i.deleted_at is null
            ) named
            where kind = 'class_seen' and (data->>'count')::bigint > gone
            group by project_id, user_id, kind, notice_id
        ),
        ranked as (
            select *, row_number() over (partition by project_id, user_id, kind order by created_at) as place from told
        )
        insert into notice_mails
            (id, project_id, user_id, kind, items, told, state, created_at, next_attempt_at, give_up_at)
        select gen_random_uuid(), project_id, user_id, kind,
            jsonb_agg(data order by place) filter (where place <= %(most)s), count(*), 'waiting', clock_timestamp(),
            clock_timestamp(), clock_timestamp() + interval '1 day'
        from ranked group by project_id, user_id, kind
        """,
        {"gather": gather_s, "every": every_s, "most": TOLD_AT_MOST},
    )


async def claim_emails(
    scope: Scope, tx: Transaction, limit: int, for_s: float
) -> list[ClaimedEmail]:
    """Take at most so many e-mails that are due, for this process alone for some seconds.

    Whoever dies over one has it taken by another when the time is over. One to somebody who may no
    longer sign in, or about an archived or deleted project, is given up.
    """
    cursor = await tx.execute(
        """
        with due as (
            select id from notice_mails where state = 'waiting' and next_attempt_at <= clock_timestamp()
            order by next_attempt_at limit %(most)s for no key update skip locked
        ),
        taken as (
            update notice_mails m set attempts = m.attempts + 1, last_attempt_at = clock_timestamp(),
                next_attempt_at = clock_timestamp() + make_interval(secs => %(for_s)s),
                state = case when coalesce(u.deactivated_at, p.archived_at, p.deleted_at) is null then 'waiting'
                    else 'failed' end
            from due, users u, projects p where m.id = due.id and u.id = m.user_id and p.id = m.project_id
            returning m.id, m.project_id, m.kind, m.items, m.told, m.attempts, m.created_at, m.give_up_at, u.email,
                p.name, m.state
        )
        select * from taken where state = 'waiting'
        """,
        {"most": limit, "for_s": for_s},
    )
    return [ClaimedEmail(*row[:-1]) for row in await cursor.fetchall()]


async def record_attempt(
    scope: Scope, tx: Transaction, taken: ClaimedEmail, state: str, error: str | None, wait_s: float
) -> None:
    """Note how an attempt ended; a failure counts for nothing where another attempt was begun since."""
    await tx.execute(
        """
        update notice_mails set state = %(state)s, last_error = %(error)s,
            next_attempt_at = clock_timestamp() + make_interval(secs => %(wait)s)
        where id = %(id)s and state = 'waiting' and (attempts = %(attempts)s or %(state)s = 'delivered')
        """,
        {
            "state": state,
            "error": error,
            "wait": wait_s,
            "id": taken.id,
            "attempts": taken.attempts,
        },
    )


async def purge_email_batch(scope: Scope, tx: Transaction, limit: int) -> int:
    """Delete old e-mails, and what was not gathered for days because this server sends none; answers how many went."""
    gone = 0
    for table, days in (("notice_mails", KEPT_DAYS), ("notice_events", EVENTS_KEPT_DAYS)):
        cursor = await tx.execute(
            f"""
            delete from {table} where id in (
                select id from {table} where created_at < now() - make_interval(days => %s)
                limit %s for update skip locked)
            """,  # noqa: S608
            (days, limit),
        )
        gone += cursor.rowcount
    return gone
