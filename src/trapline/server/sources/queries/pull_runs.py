"""Pull runs: begun once, taken by one process, fenced by their state in every step."""

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

# A process that does a run says so this often, and is taken for dead after this long.
HEARTBEAT_S = 2
DEAD_AFTER_S = 8


class PullRunOwnershipLost(Exception):
    """The run is no longer this process's: it was marked as interrupted, or its source is gone."""


async def interrupt_dead_run(
    scope: Scope, tx: Transaction, source_id: UUID, *, or_untaken: bool = False
) -> None:
    """Mark a source's run as interrupted where its process gives no sign of life, so that another
    can begin.

    With `or_untaken` also one that no process has taken yet.
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
            error="the process that did this run ended in the middle; the next run goes on where it stopped",
        )
    )
    await tx.session.execute(statement, execution_options={"synchronize_session": False})


async def interrupt_run(scope: Scope, tx: Transaction, source_id: UUID, error: str) -> None:
    """End the run of a source that is in progress, whoever does it; that process finds out at its next step."""
    statement = (
        update(RunRow)
        .where(RunRow.source_id == source_id, RunRow.state == "running")
        .values(state="interrupted", finished_at=func.clock_timestamp(), error=error)
    )
    await tx.session.execute(statement, execution_options={"synchronize_session": False})


async def count_interrupted_runs(scope: Scope, tx: Transaction, source_id: UUID) -> int:
    """Count the runs of a source that were interrupted since the last one that ended by itself or
    got anywhere.

    One that no process ever took says nothing of its source.
    """
    fruits = RunRow.new + RunRow.imported + RunRow.duplicate + RunRow.skipped + RunRow.failed
    got_anywhere = select(func.max(RunRow.started_at)).where(
        RunRow.source_id == source_id, (RunRow.state != "interrupted") | (fruits > 0)
    )
    since = func.coalesce(got_anywhere.scalar_subquery(), text("'-infinity'"))
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
    """List the sources whose run gives no sign of life."""
    return list(
        (await tx.session.scalars(select(RunRow.source_id).where(is_dead()).limit(100))).all()
    )


def is_dead() -> ColumnElement[bool]:
    """The condition of runs whose process gives no sign of life."""
    silent = func.now() - RunRow.heartbeat_at
    taken = RunRow.heartbeat_at > RunRow.started_at
    return (
        (RunRow.state == "running")
        & (taken | _UNASKED)
        & (silent > timedelta(seconds=DEAD_AFTER_S))
    )


# Its chore is no longer waiting: a process took that, and ended before it took the run. One whose
# chore waits keeps its place in the queue, however long that takes.
_UNASKED = text(
    "not exists (select from procrastinate.procrastinate_jobs j "
    "where j.status = 'todo' and j.args ->> 'run_id' = pull_runs.id::text)"
)


async def find_active_run(scope: Scope, tx: Transaction, source_id: UUID) -> RunRow | None:
    """Find the run of a source that is in progress."""
    statement = select(RunRow).where(RunRow.source_id == source_id, RunRow.state == "running")
    return (await tx.session.scalars(statement)).one_or_none()


async def has_no_run(scope: Scope, tx: Transaction, source_id: UUID) -> bool:
    """Return whether no run of a source was ever begun."""
    return (
        await tx.session.execute(select(~exists().where(RunRow.source_id == source_id)))
    ).scalar_one()


async def has_listed_since(scope: Scope, tx: Transaction, source_id: UUID, ago: timedelta) -> bool:
    """Tell whether a run that lists a source was begun so lately."""
    begun = (
        (RunRow.source_id == source_id)
        & RunRow.trigger.not_in((EVENT, BACKLOG))
        & (RunRow.started_at > func.now() - ago)
    )
    return (await tx.session.execute(select(exists().where(begun)))).scalar_one()


async def create_run(
    scope: Scope, tx: Transaction, source: SourceRow, trigger: str, max_files: int | None
) -> RunRow:
    """Add a run; by constraint a source has one at a time.

    The source must be locked, and no run be in progress.
    """
    run = RunRow(
        project_id=source.project_id, source_id=source.id, trigger=trigger, max_files=max_files
    )
    tx.session.add(run)
    await tx.session.flush()
    await tx.session.refresh(run)
    return run


async def claim_run(scope: Scope, tx: Transaction, run_id: UUID) -> RunRow | None:
    """Take a run that no process has taken; None if one has, or it is over.

    Its heartbeat is then after its start.
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
    """Add to a run's counts and give a sign of life.

    Raises RunLost, and with it undoes the whole transaction.
    """
    more = "".join(f", {name} = {name} + %s" for name in counts)
    cursor = await tx.execute(
        f"update pull_runs set heartbeat_at = clock_timestamp(){more} where id = %s and state = 'running'",  # noqa: S608
        (*counts.values(), run_id),
    )
    if cursor.rowcount == 0:
        raise PullRunOwnershipLost


async def record_left_out(
    scope: Scope, tx: Transaction, run_id: UUID, left_out: Mapping[str, int], unlisted_folders: int
) -> None:
    """Record what the listing of a run left out, by reason, and how many folders could not be listed."""
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
    """End a run; answers its source. Raises RunLost."""
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
    """Tell how long a run took, or has taken until now."""
    return round(((run.finished_at or now) - run.started_at).total_seconds(), 3)
