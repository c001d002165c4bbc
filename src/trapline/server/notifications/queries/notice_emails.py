"""E-mails of notifications: created from events, claimed, recorded, and purged."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from trapline.server.images.queries.locations import list_audience_precisions
from trapline.server.images.rules.locations import VISITOR
from trapline.server.notifications.queries.notices import try_lock
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.wire.auth import Role
from trapline.wire.notices import NoticeKind

GATHERING = 7230006
"""The lock for creating e-mails: two processes would send duplicates."""
KEPT_DAYS = 30
LISTED_AT_MOST = 20
EVENTS_KEPT_DAYS = 2
"""Longer than an e-mail is retried, so that events behind it are not lost."""


SILENCES: Mapping[str, str] = {
    NoticeKind.DEPLOYMENT_SILENT: "Deployment",
    NoticeKind.SOURCE_SILENT: "Source",
}
"""The kinds of e-mails that name a deployment or a source, with the word that replaces a name."""


class ClaimedEmail(NamedTuple):
    """An e-mail claimed by this process, with its recipient and project."""

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
    role: str | None
    """The recipient's present role in the project."""


async def create_emails(scope: Scope, tx: Transaction, gather_s: float, every_s: float) -> None:
    """Create e-mails from events: one per user, project and kind, at most one in `every_s` seconds.

    Events within `gather_s` seconds are collected into one e-mail. While an e-mail waits for a
    retry, later events wait too. Images that were deleted meanwhile are left out.
    """
    if not await try_lock(scope, tx, GATHERING):
        return
    await tx.execute(
        """
        with due as (
            select n.project_id, n.user_id, n.kind from notice_events e
                join notices n on n.id = e.notice_id
            group by 1, 2, 3
            having min(e.created_at) <= clock_timestamp() - make_interval(secs => %(gather)s)
              and not exists (
                select from notice_mails m
                where m.project_id = n.project_id and m.user_id = n.user_id and m.kind = n.kind
                  and (m.state = 'waiting'
                    or m.created_at > clock_timestamp() - make_interval(secs => %(every)s)))
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
            select project_id, user_id, kind, jsonb_build_object('class_name',
                min(data->>'class_name'),
                'count', sum((data->>'count')::bigint - gone), 'confidence',
                    max((data->>'confidence')::float8),
                'ids', jsonb_path_query_array(jsonb_path_query_array(
                    jsonb_agg(kept order by created_at), '$[*][*]'), '$[0 to 4]')), min(created_at)
            from taken cross join lateral (
                select count(*) filter (where i.id is null) as gone,
                    coalesce(jsonb_agg(i.id order by s.place) filter (where i.id is not null),
                        '[]') as kept
                from jsonb_array_elements_text(data->'ids') with ordinality s (id, place)
                left join images i on i.id = s.id::uuid and i.deleted_at is null
            ) named
            where kind = 'class_seen' and (data->>'count')::bigint > gone
            group by project_id, user_id, kind, notice_id
        ),
        ranked as (
            select *, row_number() over (partition by project_id, user_id, kind
                order by created_at) as place from told
        )
        insert into notice_mails
            (id, project_id, user_id, kind, items, told, state, created_at, next_attempt_at,
                give_up_at)
        select gen_random_uuid(), project_id, user_id, kind,
            jsonb_agg(data order by place) filter (where place <= %(most)s), count(*), 'waiting',
                clock_timestamp(),
            clock_timestamp(), clock_timestamp() + interval '1 day'
        from ranked group by project_id, user_id, kind
        """,
        {"gather": gather_s, "every": every_s, "most": LISTED_AT_MOST},
    )


async def claim_emails(
    scope: Scope, tx: Transaction, limit: int, for_s: float
) -> list[ClaimedEmail]:
    """Claim at most `limit` due e-mails for this process, for `for_s` seconds.

    After that time another process can claim them. E-mails to deactivated users, and about archived
    or deleted projects, fail permanently.
    """
    cursor = await tx.execute(
        """
        with due as (
            select id from notice_mails where state = 'waiting'
                and next_attempt_at <= clock_timestamp()
            order by next_attempt_at limit %(most)s for no key update skip locked
        ),
        taken as (
            update notice_mails m set attempts = m.attempts + 1,
                last_attempt_at = clock_timestamp(),
                next_attempt_at = clock_timestamp() + make_interval(secs => %(for_s)s),
                state = case when coalesce(u.deactivated_at, p.archived_at, p.deleted_at) is null
                    then 'waiting'
                    else 'failed' end
            from due, users u, projects p where m.id = due.id and u.id = m.user_id
                and p.id = m.project_id
            returning m.id, m.project_id, m.kind, m.items, m.told, m.attempts, m.created_at,
                m.give_up_at, u.email,
                p.name, m.user_id, m.state
        )
        select t.id, t.project_id, t.kind, t.items, t.told, t.attempts, t.created_at, t.give_up_at,
            t.email, t.name, m.role
        from taken t left join members m on m.project_id = t.project_id and m.user_id = t.user_id
        where t.state = 'waiting'
        """,
        {"most": limit, "for_s": for_s},
    )
    return [ClaimedEmail(*row) for row in await cursor.fetchall()]


async def hide_names(tx: Transaction, mail: ClaimedEmail) -> ClaimedEmail:
    """Replace names that are withheld from the recipient at present, who may see less than before.

    Items are about deployments, pull sources, or jobs and images, which have other IDs.
    """
    if mail.kind not in SILENCES:
        return mail
    ids = [UUID(item["id"]) for item in mail.items]
    cursor = await tx.execute(
        "select id, deployment_id from pull_sources where id = any(%s)"
        " union all select id, id from deployments where id = any(%s)",
        (ids, ids),
    )
    of_items: dict[UUID, UUID] = dict(await cursor.fetchall())
    audience = None if mail.role == Role.OWNER else mail.role or VISITOR
    known = await list_audience_precisions(tx, {mail.project_id: audience}, of_items.values())
    items = [
        item | {"name": f"{SILENCES[mail.kind]} {key.hex[-12:]}", "error": None}
        if key not in of_items or of_items[key] in known
        else item
        for key, item in zip(ids, mail.items, strict=True)
    ]
    return mail._replace(items=items)


async def record_attempt(
    scope: Scope, tx: Transaction, taken: ClaimedEmail, state: str, error: str | None, wait_s: float
) -> None:
    """Record the result of an attempt; ignore a failure if a later attempt has begun."""
    await tx.execute(
        """
        update notice_mails set state = %(state)s, last_error = %(error)s,
            next_attempt_at = clock_timestamp() + make_interval(secs => %(wait)s)
        where id = %(id)s and state = 'waiting' and (attempts = %(attempts)s
            or %(state)s = 'delivered')
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
    """Purge old e-mails, and events that were never collected; return their number."""
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
