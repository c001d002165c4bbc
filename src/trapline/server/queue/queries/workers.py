"""Registered workers: identity, last contact, and end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Now, Row
from trapline.server.platform.errors import UnknownWorker, WorkerEnded
from trapline.server.queue.rules.worker_names import format_end_reason
from trapline.wire.workers import HelloRequest, WorkerReport


class WorkerRow(Row):
    """One process of a processing service; one live process has a name on a host at a time.

    `registrant` is the user of its API token, so that tokens can be replaced. `last_contact_at`
    keeps all its leases; it is stored rarely, not per task. `offline_since` is when it was found to
    be offline. `begun` are the tasks that it had begun at its last renewal, which was at
    `begun_reported_at`; null if its renewals do not report them. `report` is the latest
    WorkerReport.
    """

    __tablename__ = "workers"
    __table_args__ = (
        CheckConstraint("ended_why in ('replaced', 'evicted', 'said goodbye')", name="ended_why"),
        CheckConstraint("(ended_at is null) = (ended_why is null)", name="ended"),
        Index(
            "uq_workers_live", "registrant", "service", "host", "name",
            unique=True, postgresql_where="ended_at is null",
        ),
        Index("ix_workers_ended", "ended_at", postgresql_where="ended_at is not null"),
        # No index has the last contact, because it is updated often.
        Index("ix_workers_service", "service_id", postgresql_where="ended_at is null"),
    )  # fmt: skip

    id: Mapped[Key]
    token_id: Mapped[UUID]
    registrant: Mapped[str]
    service: Mapped[str]
    service_id: Mapped[int | None] = mapped_column(
        ForeignKey("processing_services.id", ondelete="SET NULL")
    )
    name: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    version: Mapped[str]
    devices: Mapped[list[str]]
    pipelines: Mapped[list[str]]
    address: Mapped[str]
    user_agent: Mapped[str]
    hello_at: Mapped[Now]
    last_contact_at: Mapped[Now]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None]
    ended_by: Mapped[str | None]
    offline_since: Mapped[datetime | None]
    begun: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    begun_reported_at: Mapped[datetime | None]
    report: Mapped[dict[str, object] | None] = mapped_column(JSONB)


@dataclass(frozen=True)
class EndedWorkerId:
    """A worker whose ID has ended, and the reason. It may finish the tasks in `keeps`."""

    id: UUID
    why: str
    keeps: list[UUID]


def get_registrant(scope: Scope) -> str:
    """Return the owner of a processing service:

    the user of the token, so that tokens can be replaced.
    """
    return f"user:{scope.user_id}" if scope.user_id else scope.actor


async def create_worker(
    scope: Scope, tx: Transaction, hello: HelloRequest
) -> tuple[UUID, list[UUID]]:
    """Register a process; return its ID, and the processes of the same name that this ends."""
    registrant = get_registrant(scope)
    key = (registrant, hello.service, hello.host, hello.name)
    # Of two processes with one name, the second ends the first and does not fail.
    await tx.execute("select pg_advisory_xact_lock(7230003, hashtext(%s))", ("\n".join(key),))
    cursor = await tx.execute(
        """
        update workers set ended_at = clock_timestamp(), ended_why = 'replaced', ended_by = %s
        where registrant = %s and service = %s and host = %s and name = %s and ended_at is null
        returning id
        """,
        (f"process {hello.pid}", *key),
    )
    replaced = [row[0] for row in await cursor.fetchall()]
    worker_id = uuid7()
    await tx.execute(
        """
        insert into workers (id, token_id, registrant, service, host, name, pid, version, devices,
            pipelines, address,
            user_agent, service_id, hello_at, last_contact_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, (
            select id from processing_services where registrant = %s and name = %s
        ), clock_timestamp(), clock_timestamp())
        """,
        (
            worker_id,
            scope.token_id,
            *key,
            hello.pid,
            hello.version,
            hello.devices,
            hello.pipelines,
            scope.origin.address,
            scope.origin.user_agent,
            registrant,
            hello.service,
        ),
    )
    await _touch_service(tx, worker_id)
    return worker_id, replaced


async def list_projects_of_worker(scope: Scope, tx: Transaction, worker_id: UUID) -> list[int]:
    """List all projects of a worker's service, also those that the caller does not see."""
    cursor = await tx.execute(
        "select sp.project_id from service_projects sp join workers w using (service_id) where "
        "w.id = %s order by 1",
        (worker_id,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def record_begun(scope: Scope, tx: Transaction, worker_id: UUID, ids: Sequence[UUID]) -> None:
    """Record which tasks a worker has begun by now."""
    await tx.execute(
        "update workers set begun = %(ids)s::uuid[], begun_reported_at = clock_timestamp() "
        "where id = %(worker)s",
        {"ids": list(ids), "worker": worker_id},
    )


async def record_report(
    scope: Scope, tx: Transaction, worker_id: UUID, report: WorkerReport
) -> None:
    """Record the values that a worker reports about itself."""
    await tx.execute(
        "update workers set report = %s::jsonb where id = %s",
        (report.model_dump_json(), worker_id),
    )


async def require_worker(scope: Scope, tx: Transaction, *, also_evicted: bool = False) -> None:
    """Require that the caller is a live worker of its registrant.

    With `also_evicted` an evicted worker is accepted, so that its finished results are stored.

    Raises:
        UnknownWorker: the worker ID is not registered.
        WorkerEnded: the worker ID has ended.
    """
    cursor = await tx.execute(
        "select registrant, ended_at, ended_why, ended_by from workers where id = %s",
        (scope.origin.worker_id,),
    )
    require_worker_row(scope, await cursor.fetchone(), also_evicted=also_evicted)


def require_worker_row(
    scope: Scope,
    row: tuple[str | None, datetime | None, str | None, str | None] | None,
    *,
    also_evicted: bool = False,
) -> None:
    """Require the same of a row (registrant, ended_at, ended_why, ended_by) of a worker."""
    if row is None or row[0] != get_registrant(scope):
        raise UnknownWorker(
            "No worker of yours has this ID. Nothing was changed; register again to get a new ID."
        )
    _, ended_at, why, by = row
    if ended_at is not None and why is not None and not (also_evicted and why == "evicted"):
        raise WorkerEnded(format_end_reason(ended_at, why, by))


async def record_worker_contact(
    scope: Scope, tx: Transaction, every_s: float, *, also_evicted: bool = False
) -> None:
    """Record a contact of the calling worker, at most once in `every_s` seconds.

    Raises:
        UnknownWorker: the worker ID is not registered.
        WorkerEnded: the worker ID has ended.
    """
    cursor = await tx.execute(
        """
        update workers set last_contact_at = clock_timestamp() where id in (
            select id from workers where id = %s and registrant = %s and ended_at is null
              and last_contact_at < clock_timestamp() - make_interval(secs => %s)
            for no key update skip locked
        )
        """,
        (scope.origin.worker_id, get_registrant(scope), every_s),
    )
    if cursor.rowcount == 0:
        await require_worker(scope, tx, also_evicted=also_evicted)
    elif scope.origin.worker_id is not None:
        await _touch_service(tx, scope.origin.worker_id)


async def _touch_service(tx: Transaction, worker_id: UUID) -> None:
    await tx.execute(
        """
        update processing_services set last_seen_at = clock_timestamp() where id in (
            select s.id from processing_services s join workers w on w.service_id = s.id
            where w.id = %s and (s.last_seen_at is null
                or s.last_seen_at < clock_timestamp() - interval '10 seconds')
            for no key update of s skip locked
        )
        """,
        (worker_id,),
    )


async def attach_workers(
    scope: Scope, tx: Transaction, service_id: int, name: str, registrant: str
) -> None:
    """Attach workers that registered before their service to it."""
    await tx.execute(
        "update workers set service_id = %s where registrant = %s and service = %s and service_id "
        "is null",
        (service_id, registrant, name),
    )


async def end_worker(scope: Scope, tx: Transaction, worker_id: UUID, why: str, by: str) -> bool:
    """End a worker's ID; `by` is a text about the actor. Return False if it has ended before."""
    cursor = await tx.execute(
        """
        update workers set ended_at = clock_timestamp(), ended_why = %s, ended_by = %s
        where id = %s and ended_at is null
        """,
        (why, by, worker_id),
    )
    return cursor.rowcount == 1


async def list_ended_with_leases(
    scope: Scope, tx: Transaction, lease_s: float
) -> list[EndedWorkerId]:
    """List recently evicted or replaced workers with leases.

    Their revocation was interrupted, or a lease was in progress at the same time. An evicted worker
    keeps the tasks that it has begun until `lease_s` after its last contact.
    """
    cursor = await tx.execute(
        """
        select w.id, w.ended_why, kept.ids from workers w, lateral (
            select case when w.ended_why = 'evicted'
                and w.last_contact_at + make_interval(secs => %s) >= clock_timestamp() then w.begun
                    else '{}' end as ids
        ) kept
        where w.ended_at > clock_timestamp() - interval '1 day'
            and w.ended_why in ('replaced', 'evicted') and exists (
            select 1 from holders h
            join analyses a on a.job_id = h.job_id and a.holder_id = h.id and a.state = 'processing'
            join jobs j on j.id = h.job_id and j.status in ('queued', 'processing')
            where h.worker_id = w.id and not a.id = any(kept.ids)
        ) order by w.id
        """,
        (lease_s,),
    )
    return [EndedWorkerId(*row) for row in await cursor.fetchall()]
