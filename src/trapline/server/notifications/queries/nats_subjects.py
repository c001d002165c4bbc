"""Projects whose events are published to NATS: each has a hidden row among the webhooks."""

from dataclasses import dataclass
from datetime import datetime

from trapline.server.notifications.queries.notices import try_lock
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

SUBJECTS = "nats"
"""The host of such a row; hosts of webhooks have a port."""
FOLLOWING = 7230007


@dataclass(frozen=True)
class NatsOutage:
    """An outage of the NATS server: its start and its reason.

    `is_away` is true if the server cannot be reached, false if it refuses events.
    """

    since: datetime
    reason: str
    is_away: bool


async def list_projects_without_subject(scope: Scope, tx: Transaction) -> list[int]:
    """List the projects whose events are not published yet.

    The list is empty while another process creates their rows.
    """
    if not await try_lock(scope, tx, FOLLOWING):
        return []
    cursor = await tx.execute(
        "select id from projects p where deleted_at is null and not exists "
        "(select from webhooks w where w.project_id = p.id and w.host = %s) order by id",
        (SUBJECTS,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def set_subjects_enabled(scope: Scope, tx: Transaction, is_on: bool) -> None:
    """Enable or disable publication for all projects except deleted ones."""
    await tx.execute(
        "update webhooks w set is_active = %s, failing_since = null, unreachable_since = null, "
        "last_error = null from projects p "
        "where p.id = w.project_id and p.deleted_at is null and w.host = %s and w.is_active <> %s",
        (is_on, SUBJECTS, is_on),
    )


async def has_subjects(scope: Scope, tx: Transaction) -> bool:
    """Return whether the events of any project are published to NATS."""
    cursor = await tx.execute(
        "select exists (select from webhooks where host = %s and is_active)", (SUBJECTS,)
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def find_outage(scope: Scope, tx: Transaction) -> NatsOutage | None:
    """Find the current outage of the NATS server; None if events are published or none is set."""
    cursor = await tx.execute(
        """
        select least(failing_since, unreachable_since) as since, last_error,
            unreachable_since is not null
        from webhooks where host = %s and is_active and (failing_since is not null
            or unreachable_since is not null)
        order by unreachable_since is null, since limit 1
        """,
        (SUBJECTS,),
    )
    row = await cursor.fetchone()
    return NatsOutage(row[0], row[1] or "the NATS server does not answer", row[2]) if row else None


async def record_server_failure(scope: Scope, tx: Transaction, error: str) -> None:
    """Record that the NATS server cannot be reached; keep the start of a recorded outage."""
    await tx.execute(
        """
        update webhooks set unreachable_since = coalesce(unreachable_since, clock_timestamp()),
            last_error = %(error)s
        where id in (
            select id from webhooks where host = %(host)s and is_active
              and (unreachable_since is null or last_error is distinct from %(error)s)
            order by id for no key update skip locked
        )
        """,
        {"host": SUBJECTS, "error": error},
    )


async def record_server_answer(scope: Scope, tx: Transaction) -> None:
    """Record that the NATS server can be reached.

    If it could not be reached before, its waiting events are due immediately. Refused events keep
    their outage and their next attempt: only a published event shows that events are accepted.
    """
    cursor = await tx.execute(
        """
        update webhooks set unreachable_since = null, last_error = case
            when failing_since is not null then last_error end
        where id in (
            select id from webhooks where host = %s and unreachable_since is not null
            order by id for no key update skip locked
        ) returning id
        """,
        (SUBJECTS,),
    )
    if answering := [row[0] for row in await cursor.fetchall()]:
        await tx.execute(
            """
            update webhook_deliveries set next_attempt_at = clock_timestamp() where id in (
                select id from webhook_deliveries
                where webhook_id = any(%s) and state = 'waiting' and taken_until is null
                  and next_attempt_at > clock_timestamp()
                for no key update skip locked
            )
            """,
            (answering,),
        )


async def record_publish_success(scope: Scope, tx: Transaction) -> None:
    """Record that the NATS server accepts events, of all projects."""
    await tx.execute(
        """
        update webhooks set failing_since = null,
            last_error = case when unreachable_since is not null then last_error end
        where id in (
            select id from webhooks where host = %s and failing_since is not null
            order by id for no key update skip locked
        )
        """,
        (SUBJECTS,),
    )
