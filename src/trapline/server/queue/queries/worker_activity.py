"""Workers for users: registered ones, and callers with an API token, address and User-Agent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.workers import get_registrant

SHOWN_FOR = "1 day"
SHOWN_AT_MOST = 1000


@dataclass(frozen=True)
class AnonymousWorker:
    """The identity of a caller that is not registered."""

    token_id: UUID
    address: str
    user_agent: str


@dataclass(frozen=True)
class WorkerHello:
    """The registration of a worker, and how it ended."""

    registrant: str
    service: str
    name: str
    host: str
    pid: int
    version: str
    devices: list[str]
    pipelines: list[str]
    hello_at: datetime
    ended_at: datetime | None
    ended_why: str | None
    ended_by: str | None
    begun: list[UUID]
    report: dict[str, Any] | None


@dataclass(frozen=True)
class WorkerActivity:
    """The activity of a worker in all jobs that the user sees.

    `held` lists job, project and number of tasks; `job_id` is the latest job. `project_ids` are all
    projects that it works for, also those that the user does not see.
    """

    id: UUID
    service_id: int | None
    caller: AnonymousWorker
    job_id: int | None
    held: list[tuple[int, int, int]]
    completed: int
    busy_s: float
    last_contact_at: datetime
    heard_at: datetime
    project_ids: list[int]
    greeting: WorkerHello | None = None


async def list_workers(
    scope: Scope,
    tx: Transaction,
    project_id: int | None,
    *,
    ended: bool = False,
    only: UUID | None = None,
) -> list[WorkerActivity]:
    """List the workers of the last day, latest contact first; with `ended` also ended ones.

    `only` selects one worker, of any time. The list has the workers of one project, or of all
    visible ones and the caller's workers.
    """
    if project_id is not None:
        scope.check(project_id)
    projects = [project_id] if project_id is not None else scope.project_ids()
    parameters = {
        "projects": projects,
        "registrant": get_registrant(scope) if project_id is None else None,
        "ended": ended,
        "only": only,
    }
    cursor = await tx.execute(_GREETED, parameters)
    found = [_greeted(row) for row in await cursor.fetchall()]
    cursor = await tx.execute(_NAMELESS, parameters)
    found += [_nameless(row) for row in await cursor.fetchall()]
    if only is not None:
        found = [worker for worker in found if worker.id == only]
    return sorted(found, key=lambda worker: worker.heard_at, reverse=True)


_GREETED = f"""
    select w.id, w.service_id, w.token_id, w.address, w.user_agent, w.last_contact_at, w.registrant,
        w.service, w.name,
        w.host, w.pid, w.version, w.devices, w.pipelines, w.hello_at, w.ended_at, w.ended_why,
            w.ended_by, w.begun, w.report,
        (
            select jsonb_agg(jsonb_build_array(g.job_id, g.project_id, g.held)
                order by g.held desc, g.job_id)
            from (
                select h.job_id, h.project_id, count(*) as held from holders h
                join jobs j on j.id = h.job_id and j.status in ('queued', 'processing')
                join analyses a on a.job_id = h.job_id and a.holder_id = h.id
                    and a.state = 'processing'
                where h.worker_id = w.id and (%(projects)s::bigint[] is null
                    or h.project_id = any(%(projects)s))
                group by 1, 2
            ) g
        ),
        (
            select array[coalesce(sum(h.completed), 0), coalesce(sum(h.busy_s), 0)] from holders h
            where h.worker_id = w.id and (%(projects)s::bigint[] is null
                or h.project_id = any(%(projects)s))
        ),
        array(
            select project_id from service_projects where service_id = w.service_id
            union select project_id from holders where worker_id = w.id
        )
    from workers w
    where (%(only)s::uuid is null or w.id = %(only)s)
      and (%(only)s::uuid is not null or %(ended)s or w.ended_at is null)
      and (%(only)s::uuid is not null or w.last_contact_at > now() - interval '{SHOWN_FOR}')
      and (
        %(projects)s::bigint[] is null or w.registrant = %(registrant)s
        or exists (
            select 1 from service_projects sp where sp.service_id = w.service_id
                and sp.project_id = any(%(projects)s)
        )
        or exists (select 1 from holders h where h.worker_id = w.id
            and h.project_id = any(%(projects)s))
      )
    order by w.last_contact_at desc limit {SHOWN_AT_MOST}
"""  # noqa: S608 - made of constants
_NAMELESS = f"""
    select h.token_id, h.address, h.user_agent,
        (array_agg(h.service_id order by h.last_contact_at desc))[1],
        (array_agg(h.job_id order by h.last_contact_at desc))[1],
        max(h.last_contact_at), max(h.seen_at), sum(h.busy_s), sum(h.completed)::bigint,
        jsonb_agg(jsonb_build_array(h.job_id, h.project_id, g.held) order by g.held desc, h.job_id)
            filter (where g.held > 0),
        array_agg(distinct h.project_id)
    from holders h
    cross join lateral (
        select count(*) as held from analyses a
        where a.job_id = h.job_id and a.holder_id = h.id and a.state = 'processing'
    ) g
    where h.worker_id is null and h.last_contact_at > now() - interval '{SHOWN_FOR}'
      and (%(projects)s::bigint[] is null or h.project_id = any(%(projects)s))
    group by h.token_id, h.address, h.user_agent
    order by max(h.last_contact_at) desc limit {SHOWN_AT_MOST}
"""  # noqa: S608 - made of constants


def build_caller_id(caller: AnonymousWorker) -> UUID:
    """Build an ID for a caller without one."""
    return uuid5(caller.token_id, f"{caller.address} {caller.user_agent}")


def _greeted(row: tuple[Any, ...]) -> WorkerActivity:
    (
        worker_id,
        service_id,
        token_id,
        address,
        agent,
        contact,
        *said,
        held,
        (completed, busy_s),
        projects,
    ) = row
    greeting = WorkerHello(*said)
    held = [tuple(one) for one in held or []]
    return WorkerActivity(
        worker_id,
        service_id,
        AnonymousWorker(token_id, address, agent),
        held[0][0] if held else None,
        held,
        int(completed),
        busy_s,
        contact,
        contact,
        projects,
        greeting,
    )


def _nameless(row: tuple[Any, ...]) -> WorkerActivity:
    (
        token_id,
        address,
        agent,
        service_id,
        job_id,
        contact,
        seen,
        busy_s,
        completed,
        held,
        projects,
    ) = row
    caller = AnonymousWorker(token_id, address, agent)
    held = [tuple(one) for one in held or []]
    return WorkerActivity(
        build_caller_id(caller),
        service_id,
        caller,
        job_id,
        held,
        completed,
        busy_s,
        contact,
        max(contact, seen),
        projects,
    )
