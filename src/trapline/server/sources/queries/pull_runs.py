"""Queries for pull runs.

One process claims a run. Each of its later writes requires that the run is still in progress.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select, text, update

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import NotFound
from trapline.server.sources.queries.sources import RunRow, SourceRow
from trapline.server.sources.rules.pushed_events import BACKLOG, EVENT

# Seconds between heartbeats of a run, and after which its process is considered dead.
HEARTBEAT_S = 2
DEAD_AFTER_S = 8


class PullRunOwnershipLost(Exception):
    """This process has lost the run: it was marked as interrupted, or its source was deleted."""


async def interrupt_dead_run(
    scope: Scope, tx: Transaction, source_id: UUID, *, or_untaken: bool = False
) -> None:
    """Mark the run of a source as interrupted if its heartbeat has expired, so another can start.

    With `or_untaken`, a run that no process has claimed yet is interrupted as well.
    """
    ends = is_dead()
    if or_untaken:
        ends |= (RunRow.state == "running") & (RunRow.heartbeat_at == RunRow.started_at)
    statement = (
        update(RunRow)
        .where(RunRow.source_id == source_id, ends)
        .values(
            state="interrupted",
            finished_at=func.now(),
            error="the process of this run died; the next run continues where it stopped",
        )
    )
    await tx.session.execute(statement, execution_options={"synchronize_session": False})


async def interrupt_run(scope: Scope, tx: Transaction, source_id: UUID, error: str) -> None:
    """Interrupt the current run of a source; its process notices this at its next write."""
    statement = (
        update(RunRow)
        .where(RunRow.source_id == source_id, RunRow.state == "running")
        .values(state="interrupted", finished_at=func.clock_timestamp(), error=error)
    )
    await tx.session.execute(statement, execution_options={"synchronize_session": False})


async def count_interrupted_runs(scope: Scope, tx: Transaction, source_id: UUID) -> int:
    """Count the interrupted runs of a source since its last run that ended or made progress.

    Runs that no process ever claimed are not counted.
    """
    progress = RunRow.new + RunRow.imported + RunRow.duplicate + RunRow.skipped + RunRow.failed
    last_useful = select(func.max(RunRow.started_at)).where(
        RunRow.source_id == source_id, (RunRow.state != "interrupted") | (progress > 0)
    )
    since = func.coalesce(last_useful.scalar_subquery(), text("'-infinity'"))
    statement = (
        select(func.count())
        .select_from(RunRow)
        .where(
            RunRow.source_id == source_id,
            RunRow.started_at > since,
            RunRow.heartbeat_at > RunRow.started_at,
        )
    )
    return (await tx.session.execute(statement)).scalar_one()


async def list_sources_with_dead_runs(scope: Scope, tx: Transaction) -> list[UUID]:
    """List up to 100 sources whose run has an expired heartbeat."""
    return list(
        (await tx.session.scalars(select(RunRow.source_id).where(is_dead()).limit(100))).all()
    )


def is_dead() -> ColumnElement[bool]:
    """Return the condition for runs with an expired heartbeat."""
    silent = func.now() - RunRow.heartbeat_at
    claimed = RunRow.heartbeat_at > RunRow.started_at
    return (
        (RunRow.state == "running")
        & (claimed | _HAS_NO_TASK)
        & (silent > timedelta(seconds=DEAD_AFTER_S))
    )


# An unclaimed run is dead only if its background task is no longer queued: a process then took the
# task and died before it claimed the run. A run whose task is queued can wait for any time.
_HAS_NO_TASK = text(
    "not exists (select from procrastinate.procrastinate_jobs j "
    "where j.status = 'todo' and j.args ->> 'run_id' = pull_runs.id::text)"
)


async def find_active_run(scope: Scope, tx: Transaction, source_id: UUID) -> RunRow | None:
    """Return the current run of a source, or None."""
    statement = select(RunRow).where(RunRow.source_id == source_id, RunRow.state == "running")
    return (await tx.session.scalars(statement)).one_or_none()


async def has_no_run(scope: Scope, tx: Transaction, source_id: UUID) -> bool:
    """Return whether a source has never had a run."""
    return (
        await tx.session.execute(select(~exists().where(RunRow.source_id == source_id)))
    ).scalar_one()


async def has_listed_since(scope: Scope, tx: Transaction, source_id: UUID, ago: timedelta) -> bool:
    """Return whether a run that lists the source was started within the last `ago`."""
    started = (
        (RunRow.source_id == source_id)
        & RunRow.trigger.not_in((EVENT, BACKLOG))
        & (RunRow.started_at > func.now() - ago)
    )
    return (await tx.session.execute(select(exists().where(started)))).scalar_one()


async def create_run(
    scope: Scope, tx: Transaction, source: SourceRow, trigger: str, max_files: int | None
) -> RunRow:
    """Create a run; the source must be locked and have no run in progress."""
    run = RunRow(
        project_id=source.project_id, source_id=source.id, trigger=trigger, max_files=max_files
    )
    tx.session.add(run)
    await tx.session.flush()
    await tx.session.refresh(run)
    return run


async def claim_run(scope: Scope, tx: Transaction, run_id: UUID) -> RunRow | None:
    """Claim a run for this process; None if another process has claimed it or it has ended.

    A claimed run has a heartbeat that is later than its start.
    """
    statement = (
        update(RunRow)
        .where(
            RunRow.id == run_id, RunRow.state == "running", RunRow.heartbeat_at == RunRow.started_at
        )
        .values(heartbeat_at=func.clock_timestamp())
        .returning(RunRow)
    )
    return (await tx.session.scalars(statement)).one_or_none()


async def update_run_counts(scope: Scope, tx: Transaction, run_id: UUID, **counts: int) -> None:
    """Add to the counts of a run and update its heartbeat.

    Raises:
        PullRunOwnershipLost: the run is no longer in progress; the transaction is rolled back.
    """
    more = "".join(f", {name} = {name} + %s" for name in counts)
    cursor = await tx.execute(
        f"update pull_runs set heartbeat_at = clock_timestamp(){more}"  # noqa: S608
        " where id = %s and state = 'running'",
        (*counts.values(), run_id),
    )
    if cursor.rowcount == 0:
        raise PullRunOwnershipLost


async def record_left_out(
    scope: Scope, tx: Transaction, run_id: UUID, left_out: Mapping[str, int], unlisted_folders: int
) -> None:
    """Record the entries that a listing left out, by reason, and the number of unlisted folders."""
    await tx.execute(
        "update pull_runs set left_out = %s::jsonb, unlisted_folders = %s where id = %s",
        (json.dumps(dict(left_out)), unlisted_folders, run_id),
    )


async def finish_run(
    scope: Scope,
    tx: Transaction,
    run_id: UUID,
    state: str,
    *,
    remaining: int = 0,
    error: str | None = None,
) -> UUID:
    """End a run; returns the ID of its source. Raises PullRunOwnershipLost."""
    statement = (
        update(RunRow)
        .where(RunRow.id == run_id, RunRow.state == "running")
        .values(state=state, remaining=remaining, error=error, finished_at=func.clock_timestamp())
        .returning(RunRow.source_id)
    )
    changed = await tx.session.execute(statement, execution_options={"synchronize_session": False})
    source_id = changed.scalar_one_or_none()
    if source_id is None:
        raise PullRunOwnershipLost
    return source_id


async def get_run_row(scope: Scope, tx: Transaction, source_id: UUID, run_id: UUID) -> RunRow:
    """Get a run of a source; raises NotFound or Forbidden."""
    run = await tx.session.get(RunRow, run_id)
    if run is None or run.source_id != source_id or not scope.sees(run.project_id):
        raise NotFound
    scope.check(run.project_id)
    return run


def select_runs(scope: Scope, source: SourceRow) -> Select[RunRow]:
    """Select the runs of a source."""
    scope.check(source.project_id)
    return select(RunRow).where(RunRow.source_id == source.id)


def get_duration_s(run: RunRow, now: datetime) -> float:
    """Return the duration of a run in seconds, until now if it is in progress."""
    return round(((run.finished_at or now) - run.started_at).total_seconds(), 3)
