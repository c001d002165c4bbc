"""Holders: the callers that work on a job, and the times of their last contact."""

from collections.abc import Hashable
from dataclasses import dataclass, field

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.lease_cache import LeaseCache
from trapline.server.queue.queries.workers import get_registrant, record_worker_contact

SEEN_EVERY_S = 15.0


@dataclass(frozen=True)
class HolderContact:
    """A caller that works on a job: a registered worker, or an API token, address and User-Agent.

    `remembered` caches the contacts that this process has stored, so that most contacts need no
    query.
    """

    job_id: int
    project_id: int
    pipeline_id: int
    every_s: float
    remembered: LeaseCache = field(default_factory=LeaseCache)


def get_caller_key(scope: Scope) -> Hashable:
    """Return the key of the caller: its worker ID, or its API token, address and User-Agent."""
    return scope.origin.worker_id or (scope.token_id, scope.origin.address, scope.origin.user_agent)


async def record_holder_contact(
    scope: Scope, tx: Transaction, contact: HolderContact, *, also_evicted: bool = False
) -> int:
    """Record a contact of the caller, at most once in `every_s` seconds; return the holder's ID.

    Call this before any task is locked, because it may wait for another request of the same caller.
    With `also_evicted`, an evicted worker is accepted.

    Raises:
        UnknownWorker: the worker ID is not registered.
        WorkerEnded: the worker ID has ended.
    """
    remembered, caller = contact.remembered, get_caller_key(scope)
    known = remembered.get_holder(caller, contact.job_id)
    if scope.origin.worker_id is not None:
        await record_worker_heartbeat(
            scope, tx, remembered, contact.every_s, also_evicted=also_evicted
        )
        if known is not None:
            return known
        holder_id = await _put_worker_holder(scope, tx, contact)
    else:
        if known is not None and remembered.has_recent_contact(
            (caller, contact.job_id), contact.every_s
        ):
            return known
        holder_id = await _put_caller_holder(scope, tx, contact)
        tx.after_commit(lambda: remembered.record_contact((caller, contact.job_id)))
    tx.after_commit(lambda: remembered.set_holder(caller, contact.job_id, holder_id))
    return holder_id


async def record_worker_heartbeat(
    scope: Scope,
    tx: Transaction,
    remembered: LeaseCache,
    every_s: float,
    *,
    also_evicted: bool = False,
) -> None:
    """Record a contact of a registered worker, about any job.

    Raises:
        UnknownWorker: the worker ID is not registered.
        WorkerEnded: the worker ID has ended.
    """
    worker_id = scope.origin.worker_id
    if not remembered.has_recent_contact(worker_id, every_s):
        await record_worker_contact(scope, tx, every_s, also_evicted=also_evicted)
        tx.after_commit(lambda: remembered.record_contact(worker_id))


async def _put_worker_holder(scope: Scope, tx: Transaction, contact: HolderContact) -> int:
    cursor = await tx.execute(
        """
        insert into holders (project_id, job_id, worker_id, token_id, address, user_agent,
            completed, last_contact_at,
            service_id)
        values (%s, %s, %s, %s, %s, %s, 0, clock_timestamp(), (select service_id from workers
            where id = %s))
        on conflict (worker_id, job_id) where worker_id is not null
            do update set last_contact_at = excluded.last_contact_at,
                service_id = excluded.service_id
        returning id
        """,
        (
            contact.project_id,
            contact.job_id,
            scope.origin.worker_id,
            scope.token_id,
            scope.origin.address,
            scope.origin.user_agent,
            scope.origin.worker_id,
        ),
    )
    found = await cursor.fetchone()
    assert found is not None
    return int(found[0])


async def _put_caller_holder(scope: Scope, tx: Transaction, contact: HolderContact) -> int:
    key = {
        "job": contact.job_id,
        "token": scope.token_id,
        "address": scope.origin.address,
        "agent": scope.origin.user_agent,
    }
    cursor = await tx.execute(
        """
        select id, last_contact_at < clock_timestamp() - make_interval(secs => %(every)s)
        from holders
        where job_id = %(job)s and token_id = %(token)s and address = %(address)s
            and user_agent = %(agent)s
          and worker_id is null
        """,
        {**key, "every": contact.every_s},
    )
    row = await cursor.fetchone()
    if row is not None and not row[1]:
        return int(row[0])
    await record_service_contact(scope, tx, [contact.project_id], pipeline_id=contact.pipeline_id)
    cursor = await tx.execute(
        """
        insert into holders (project_id, job_id, token_id, address, user_agent, completed,
            last_contact_at, service_id)
        values (%(project)s, %(job)s, %(token)s, %(address)s, %(agent)s, 0, clock_timestamp(), (
            select s.id from processing_services s join service_pipelines sp on sp.service_id = s.id
            where sp.pipeline_id = %(pipeline)s and s.registrant = %(registrant)s
            order by s.address = %(address)s desc, s.last_seen_at desc nulls last, s.id limit 1
        ))
        on conflict (job_id, token_id, address, user_agent) where worker_id is null do update
            set last_contact_at = excluded.last_contact_at, service_id = excluded.service_id
        returning id
        """,
        {
            **key,
            "project": contact.project_id,
            "pipeline": contact.pipeline_id,
            "registrant": get_registrant(scope),
        },
    )
    found = await cursor.fetchone()
    assert found is not None
    return int(found[0])


async def record_claim_contact(
    scope: Scope, tx: Transaction, remembered: LeaseCache, slugs: list[str], every_s: float
) -> None:
    """Record that a caller asked for jobs of these pipelines; this does not extend its leases.

    For a registered worker every request is a contact.

    Raises:
        UnknownWorker: the worker ID is not registered.
        WorkerEnded: the worker ID has ended.
    """
    if scope.origin.worker_id is not None:
        await record_worker_heartbeat(scope, tx, remembered, every_s)
        return
    asked = ("claim", get_caller_key(scope), tuple(slugs))
    projects = scope.project_ids()
    if not projects or remembered.has_recent_contact(asked, SEEN_EVERY_S):
        return
    await record_service_contact(scope, tx, projects, slugs=slugs)
    await _touch_caller(scope, tx, projects)
    tx.after_commit(lambda: remembered.record_contact(asked))


async def record_service_contact(
    scope: Scope,
    tx: Transaction,
    project_ids: list[int],
    *,
    pipeline_id: int | None = None,
    slugs: list[str] | None = None,
) -> None:
    """Record a contact of the processing services that the caller works for; never wait for a lock.

    A caller that did not register names no service. It is matched with the services that its
    registrant registered for one of these pipelines, from the same address; without a match,
    from any address.
    """
    await tx.execute(
        """
        with offering as (
            select distinct s.id, s.address = %(address)s as here, s.last_seen_at
            from processing_services s
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
                  and (last_seen_at is null
                      or last_seen_at < clock_timestamp() - interval '15 seconds')
            )
            for no key update skip locked
        )
        """,
        {
            "address": scope.origin.address,
            "registrant": get_registrant(scope),
            "projects": project_ids,
            "pipeline": pipeline_id,
            "slugs": slugs,
        },
    )


async def _touch_caller(scope: Scope, tx: Transaction, project_ids: list[int]) -> None:
    await tx.execute(
        """
        update holders set seen_at = clock_timestamp() where id in (
            select id from holders
            where token_id = %s and address = %s and user_agent = %s and worker_id is null
                and project_id = any(%s)
            order by last_contact_at desc limit 1 for no key update skip locked
        ) and seen_at < clock_timestamp() - interval '15 seconds'
        """,
        (scope.token_id, scope.origin.address, scope.origin.user_agent, project_ids),
    )
