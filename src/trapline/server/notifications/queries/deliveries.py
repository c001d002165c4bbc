"""Queue of deliveries: creation of image events, claims, results, and purging."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from trapline.server.notifications.rules.delivery_shares import WaitingWebhook
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

KEPT_DAYS = 30
KEPT_AT_MOST = 100_000
"""Number of the newest deliveries of a webhook that are kept; older ones are purged."""
LISTED_AT_MOST = 100
GATHERED_AT_MOST = 1000
"""Maximum number of new images of a webhook in one event."""


class ClaimedDelivery(NamedTuple):
    """A delivery claimed by this process, with its webhook."""

    id: UUID
    project_id: int
    webhook_id: UUID
    event_type: str
    data: dict[str, Any]
    attempts: int
    created_at: datetime
    give_up_at: datetime
    host: str
    url: str
    secrets: bytes


class DeliveryAttempt(NamedTuple):
    """The result of an attempt; `wait_s` is the time until the next one, if any.

    `is_unreachable` is true if the NATS server could not be reached.
    """

    state: str
    wait_s: float | None
    status: int | None
    error: str | None
    excerpt: str | None
    duration_ms: int
    is_unreachable: bool = False


async def create_image_events(scope: Scope, tx: Transaction) -> None:
    """Create one event for images added more than 1 second ago: their count and at most 100 IDs."""
    await tx.execute(
        """
        with ready as (
            select w.id from webhooks w where exists (
                select from webhook_deliveries d where d.webhook_id = w.id and d.state = 'gathering'
                  and d.created_at < clock_timestamp() - interval '1 second'
            ) order by random() limit 100
        ),
        taken as (
            delete from webhook_deliveries d using (
                select g.id from ready r cross join lateral (
                    select g.id from webhook_deliveries g where g.webhook_id = r.id
                        and g.state = 'gathering'
                    order by g.created_at limit %(gathered)s for update skip locked
                ) g
            ) g where d.id = g.id returning d.project_id, d.webhook_id, d.data, d.created_at
        ),
        together as (
            select project_id, webhook_id, min(created_at) as since,
                sum((data->>'count')::int) as many,
                jsonb_agg(data->'ids' order by created_at) as lists
            from taken group by 1, 2
        )
        insert into webhook_deliveries
            (id, project_id, webhook_id, event_type, data, state, created_at, next_attempt_at,
                give_up_at)
        select gen_random_uuid(), t.project_id, t.webhook_id, 'image.created',
            jsonb_build_object('project_id', t.project_id, 'count', t.many, 'ids', (
                select jsonb_agg(listed.id) from (
                    select id from jsonb_array_elements(t.lists) list, jsonb_array_elements(list) id
                        limit %(listed)s
                ) listed
            )), 'waiting', t.since, clock_timestamp(), clock_timestamp() + interval '1 day'
        from together t
        """,
        {"gathered": GATHERED_AT_MOST, "listed": LISTED_AT_MOST},
    )


async def list_due_webhooks(scope: Scope, tx: Transaction) -> list[WaitingWebhook]:
    """List webhooks with due deliveries, and the number of current attempts by webhook and host."""
    cursor = await tx.execute(
        """
        with busy as (
            select webhook_id, count(*) as many from webhook_deliveries
                where taken_until > clock_timestamp() group by 1
        ), hosts as (
            select w.host, sum(b.many)::int as many from busy b
                join webhooks w on w.id = b.webhook_id group by 1
        )
        select w.id, w.host, coalesce(w.failing_since, w.unreachable_since) is not null,
            coalesce(b.many, 0), coalesce(h.many, 0)
        from webhooks w left join busy b on b.webhook_id = w.id left join hosts h on h.host = w.host
        where w.is_active and exists (
            select from webhook_deliveries d
            where d.webhook_id = w.id and d.state = 'waiting'
                and d.next_attempt_at <= clock_timestamp())
        """
    )
    return [WaitingWebhook(*row) for row in await cursor.fetchall()]


async def lock_delivery_claims(scope: Scope, tx: Transaction) -> None:
    """Lock claims of deliveries for this transaction: the share of a process depends on all."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('deliveries are taken', 2))")


async def claim_deliveries(
    scope: Scope,
    tx: Transaction,
    most: Sequence[tuple[UUID, int]],
    for_s: float,
    only: UUID | None = None,
) -> list[ClaimedDelivery]:
    """Claim due deliveries for this process: at most the given number by webhook, or `only` one.

    After `for_s` seconds another process can claim them.
    """
    cursor = await tx.execute(
        """
        with due as (
            select d.id from unnest(%(webhooks)s::uuid[], %(most)s::int[]) as a (webhook_id, most)
            cross join lateral (
                select d.id from webhook_deliveries d
                where d.webhook_id = a.webhook_id and d.state = 'waiting'
                    and d.next_attempt_at <= clock_timestamp()
                  and (%(only)s::uuid is null or d.id = %(only)s)
                order by d.next_attempt_at limit a.most for no key update skip locked
            ) d
        )
        update webhook_deliveries d set attempts = d.attempts + 1,
            last_attempt_at = clock_timestamp(),
            next_attempt_at = clock_timestamp() + make_interval(secs => %(for_s)s),
            taken_until = clock_timestamp() + make_interval(secs => %(for_s)s)
        from due, webhooks w where d.id = due.id and w.id = d.webhook_id and w.deleted_at is null
        returning d.id, d.project_id, d.webhook_id, d.event_type, d.data, d.attempts, d.created_at,
            d.give_up_at,
            w.host, w.url, w.secrets
        """,
        {
            "webhooks": [one for one, _ in most],
            "most": [many for _, many in most],
            "for_s": for_s,
            "only": only,
        },
    )
    return [ClaimedDelivery(*row) for row in await cursor.fetchall()]


async def record_attempt(
    scope: Scope, tx: Transaction, taken: ClaimedDelivery, how: DeliveryAttempt
) -> bool:
    """Record the result of an attempt; ignore a failure if a later attempt has begun."""
    cursor = await tx.execute(
        """
        update webhook_deliveries set state = %(state)s, last_status = %(status)s,
            last_error = %(error)s,
            response_excerpt = %(excerpt)s, duration_ms = %(duration)s,
            next_attempt_at = clock_timestamp() + make_interval(secs => %(wait)s),
            taken_until = case when attempts <> %(attempts)s then taken_until end
        where id = %(id)s and state = 'waiting' and (attempts = %(attempts)s
            or %(state)s = 'delivered')
        """,
        {
            "state": how.state,
            "status": how.status,
            "error": how.error,
            "excerpt": how.excerpt,
            "duration": how.duration_ms,
            "wait": how.wait_s or 0,
            "id": taken.id,
            "attempts": taken.attempts,
        },
    )
    return cursor.rowcount == 1


async def record_webhook_success(scope: Scope, tx: Transaction, webhook_id: UUID) -> None:
    """Record that a webhook responds."""
    await tx.execute(
        "update webhooks set failing_since = null, last_error = null where id = %s and "
        "failing_since is not null",
        (webhook_id,),
    )


async def record_webhook_failure(
    scope: Scope, tx: Transaction, webhook_id: UUID, error: str | None
) -> datetime | None:
    """Record that a webhook failed; return since when, or None if it is deleted or disabled."""
    await tx.execute(
        "update webhooks set failing_since = coalesce(failing_since, clock_timestamp()), "
        "last_error = %(error)s where id = %(id)s and (failing_since is null or last_error is "
        "distinct from %(error)s)",
        {"id": webhook_id, "error": error},
    )
    cursor = await tx.execute(
        "select failing_since from webhooks where id = %s and is_active", (webhook_id,)
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def disable_webhook(scope: Scope, tx: Transaction, webhook_id: UUID, reason: str) -> bool:
    """Disable a webhook with a reason; return False if it is disabled already."""
    cursor = await tx.execute(
        "update webhooks set is_active = false, disabled_reason = %s, updated_at = "
        "clock_timestamp() where id = %s and is_active",
        (reason, webhook_id),
    )
    return cursor.rowcount == 1


async def purge_delivery_batch(scope: Scope, tx: Transaction, limit: int) -> int:
    """Purge deliveries that expired or whose webhook was deleted; return their number."""
    cursor = await tx.execute(
        """
        delete from webhook_deliveries where id in (
            select d.id from webhooks w left join lateral (
                select n.created_at from webhook_deliveries n where n.webhook_id = w.id
                order by n.created_at desc offset %(kept)s limit 1
            ) edge on true cross join lateral (
                select id from webhook_deliveries d where d.webhook_id = w.id
                  and (w.deleted_at is not null
                    or d.created_at < now() - make_interval(days => %(days)s)
                    or (d.state = 'delivered' and d.created_at <= edge.created_at))
                order by d.created_at limit %(most)s for update skip locked
            ) d limit %(most)s
        )
        """,
        {"days": KEPT_DAYS, "kept": KEPT_AT_MOST, "most": limit},
    )
    gone = cursor.rowcount
    if gone == 0:
        await tx.execute(
            "delete from webhooks w where w.deleted_at is not null and not exists "
            "(select from webhook_deliveries d where d.webhook_id = w.id)"
        )
    return gone


async def update_silent_workers(scope: Scope, tx: Transaction, silent_s: float) -> None:
    """Record workers that went offline or came online; a trigger creates the events."""
    for was, is_silent in (("null", True), ("not null", False)):
        await tx.execute(
            f"""
            update workers set offline_since = case when %(silent)s then clock_timestamp() end
                where id in (
                select id from workers where ended_at is null and offline_since is {was}
                  and (last_contact_at < clock_timestamp() - make_interval(secs => %(after)s))
                    = %(silent)s
                order by id limit 1000 for no key update skip locked
            )
            """,  # noqa: S608
            {"silent": is_silent, "after": silent_s},
        )
