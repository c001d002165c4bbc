"""Holders: who is at work on a job, and when they were last heard from."""

from dataclasses import dataclass

from trapline.server.db.base import Transaction
from trapline.server.rules.access import Scope


@dataclass(frozen=True)
class Contact:
    """A caller at work on a job, named by API token, address and User-Agent."""

    job_id: int
    project_id: int
    pipeline_id: int
    every_s: float


def registrant_of(scope: Scope) -> str:
    """Name whom a processing service belongs to: the person behind the token, so that tokens can be replaced."""
    return f"user:{scope.user_id}" if scope.user_id else scope.actor


async def touch_holder(scope: Scope, tx: Transaction, contact: Contact) -> int:
    """Note a sign of life of the caller, at most once in `every_s` seconds; answers the holder's id.

    To be called before any task is locked: it may wait for another call of the same caller.
    """
    key = {
        "job": contact.job_id,
        "token": scope.token_id,
        "address": scope.origin.address,
        "agent": scope.origin.user_agent,
    }
    cursor = await tx.execute(
        """
        select id, last_contact_at < clock_timestamp() - make_interval(secs => %(every)s) from holders
        where job_id = %(job)s and token_id = %(token)s and address = %(address)s and user_agent = %(agent)s
        """,
        {**key, "every": contact.every_s},
    )
    row = await cursor.fetchone()
    if row is not None and not row[1]:
        return int(row[0])
    await touch_services(scope, tx, [contact.project_id], pipeline_id=contact.pipeline_id)
    cursor = await tx.execute(
        """
        insert into holders (project_id, job_id, token_id, address, user_agent, completed, last_contact_at, service_id)
        values (%(project)s, %(job)s, %(token)s, %(address)s, %(agent)s, 0, clock_timestamp(), (
            select s.id from processing_services s join service_pipelines sp on sp.service_id = s.id
            where sp.pipeline_id = %(pipeline)s and s.registrant = %(registrant)s
            order by s.address = %(address)s desc, s.last_seen_at desc nulls last, s.id limit 1
        ))
        on conflict (job_id, token_id, address, user_agent) do update
            set last_contact_at = excluded.last_contact_at, service_id = excluded.service_id
        returning id
        """,
        {
            **key,
            "project": contact.project_id,
            "pipeline": contact.pipeline_id,
            "registrant": registrant_of(scope),
        },
    )
    found = await cursor.fetchone()
    assert found is not None
    return int(found[0])


async def touch_services(
    scope: Scope,
    tx: Transaction,
    project_ids: list[int],
    *,
    pipeline_id: int | None = None,
    slugs: list[str] | None = None,
) -> None:
    """Note a sign of life of the processing services that the caller works for; never waits for anybody.

    Callers without a hello name no service: those are meant that their registrant registered from the same address
    for one of these pipelines, or, where there is none, from any address.
    """
    await tx.execute(
        """
        with offering as (
            select distinct s.id, s.address = %(address)s as here, s.last_seen_at from processing_services s
            join service_pipelines sp on sp.service_id = s.id
            join pipelines p on p.id = sp.pipeline_id
            where s.registrant = %(registrant)s and sp.project_id = any(%(projects)s)
              and (%(pipeline)s::bigint is null or sp.pipeline_id = %(pipeline)s)
              and (%(slugs)s::text[] is null or p.slug = any(%(slugs)s))
        )
        update processing_services set last_seen_at = clock_timestamp() where id in (
            select s.id from processing_services s where s.id in (
                select id from offering
                where (here or not exists (select 1 from offering where here))
                  and (last_seen_at is null or last_seen_at < clock_timestamp() - interval '15 seconds')
            )
            for no key update skip locked
        )
        """,
        {
            "address": scope.origin.address,
            "registrant": registrant_of(scope),
            "projects": project_ids,
            "pipeline": pipeline_id,
            "slugs": slugs,
        },
    )


async def touch_caller(scope: Scope, tx: Transaction, project_ids: list[int]) -> None:
    """Note that a worker is alive although it asks about no job; its leases do not live longer by that."""
    await tx.execute(
        """
        update holders set seen_at = clock_timestamp() where id in (
            select id from holders
            where token_id = %s and address = %s and user_agent = %s and project_id = any(%s)
            order by last_contact_at desc limit 1 for no key update skip locked
        ) and seen_at < clock_timestamp() - interval '15 seconds'
        """,
        (scope.token_id, scope.origin.address, scope.origin.user_agent, project_ids),
    )


async def count_held(scope: Scope, tx: Transaction, job_id: int, holder_id: int, at_most: int) -> int:
    """Count the tasks that a holder has in hand, up to `at_most`."""
    cursor = await tx.execute(
        """
        select count(*) from (
            select 1 from analyses where job_id = %s and holder_id = %s and state = 'processing' limit %s
        ) held
        """,
        (job_id, holder_id, at_most),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0
