"""Workers that said hello: who they are, when they were last heard from, and how they ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Now, Row
from trapline.server.platform.errors import UnknownWorker, WorkerEnded
from trapline.server.queue.rules.worker_names import format_end_reason
from trapline.wire.workers import HelloRequest


class WorkerRow(Row):
    """One process of a processing service. Its name is a place that one live process has at a time
    on a host.

    `registrant` is whom its API token works for, so that a token can be replaced. `last_contact_at`
    keeps all its leases; it is written seldom, never per task. `offline_since` is when it was found
    to be silent. `begun` are the tasks that it worked on at its last renewal.
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
        # None of these holds the last contact: it is rewritten all the time.
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


@dataclass(frozen=True)
class EndedWorkerId:
    """A worker whose id is over, and why. It may finish the tasks in `keeps`."""

    id: UUID
    why: str
    keeps: list[UUID]


def get_registrant(scope: Scope) -> str:
    """Name whom a processing service belongs to: the person behind the token, so that tokens can be replaced."""
    return f"user:{scope.user_id}" if scope.user_id else scope.actor


async def create_worker(
    scope: Scope, tx: Transaction, hello: HelloRequest
) -> tuple[UUID, list[UUID]]:
    """Write down a process that says hello; answers its id, and those of the same name that this ends."""
    registrant = get_registrant(scope)
    key = (registrant, hello.service, hello.host, hello.name)
    # Two processes that claim one name at once: the second ends the first, and does not fail.
    await tx.execute("select pg_advisory_xact_lock(7230003, hashtext(%s))", ("\n".join(key),))
    cursor = await tx.execute(
        """
        update workers set ended_at = clock_timestamp(), ended_why = 'replaced', ended_by = %s
        where registrant = %s and service = %s and host = %s and name = %s and ended_at is null returning id
        """,
        (f"process {hello.pid}", *key),
    )
    replaced = [row[0] for row in await cursor.fetchall()]
    worker_id = uuid7()
    await tx.execute(
        """
        insert into workers (id, token_id, registrant, service, host, name, pid, version, devices, pipelines, address,
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
    """List the projects that a worker's service works for, whoever asks."""
    cursor = await tx.execute(
        "select sp.project_id from service_projects sp join workers w using (service_id) where w.id = %s order by 1",
        (worker_id,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def record_begun(scope: Scope, tx: Transaction, worker_id: UUID, ids: Sequence[UUID]) -> None:
    """Record which tasks a worker has begun, if that changed."""
    await tx.execute(
        "update workers set begun = %(ids)s::uuid[] where id = %(worker)s and begun is distinct from %(ids)s::uuid[]",
        {"ids": list(ids), "worker": worker_id},
    )


async def require_worker(scope: Scope, tx: Transaction, *, also_evicted: bool = False) -> None:
    """Make sure that the caller is a worker of its registrant that is not over. Raises
    UnknownWorker, WorkerEnded.

    With `also_evicted` a worker that was evicted passes: its finished results are accepted.
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
    """The same for (registrant, ended_at, ended_why, ended_by) of the row that has the caller's worker id."""
    if row is None or row[0] != get_registrant(scope):
        raise UnknownWorker(
            "No worker of yours has this id. Nothing was changed; say hello again for a new one."
        )
    _, ended_at, why, by = row
    if ended_at is not None and why is not None and not (also_evicted and why == "evicted"):
        raise WorkerEnded(format_end_reason(ended_at, why, by))


async def record_worker_contact(
    scope: Scope, tx: Transaction, every_s: float, *, also_evicted: bool = False
) -> None:
    """Note a sign of life of the calling worker, at most once in `every_s`.

    Raises UnknownWorker, WorkerEnded.
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
            where w.id = %s and (s.last_seen_at is null or s.last_seen_at < clock_timestamp() - interval '10 seconds')
            for no key update of s skip locked
        )
        """,
        (worker_id,),
    )


async def attach_workers(
    scope: Scope, tx: Transaction, service_id: int, name: str, registrant: str
) -> None:
    """Tie workers that said hello before their service was registered to it."""
    await tx.execute(
        "update workers set service_id = %s where registrant = %s and service = %s and service_id is null",
        (service_id, registrant, name),
    )


async def end_worker(scope: Scope, tx: Transaction, worker_id: UUID, why: str, by: str) -> bool:
    """End a worker's id; `by` is who did it, in words. False where it was over already."""
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
    """List workers that were evicted or replaced lately and hold leases still: whoever took them
    back was cut off, or a lease was under way at that moment.

    A worker that was evicted keeps what it has begun until `lease_s` after its last contact.
    """
    cursor = await tx.execute(
        """
        select w.id, w.ended_why, kept.ids from workers w, lateral (
            select case when w.ended_why = 'evicted'
                and w.last_contact_at + make_interval(secs => %s) >= clock_timestamp() then w.begun else '{}' end as ids
        ) kept
        where w.ended_at > clock_timestamp() - interval '1 day' and w.ended_why in ('replaced', 'evicted') and exists (
            select 1 from holders h
            join analyses a on a.job_id = h.job_id and a.holder_id = h.id and a.state = 'processing'
            join jobs j on j.id = h.job_id and j.status in ('queued', 'processing')
            where h.worker_id = w.id and not a.id = any(kept.ids)
        ) order by w.id
        """,
        (lease_s,),
    )
    return [EndedWorkerId(*row) for row in await cursor.fetchall()]
