"""Queries for pushed files, which a run imports without listing the source."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.sources.queries.pulled_files import is_at_current_address
from trapline.server.sources.queries.sources import PulledFileRow, RunRow, SourceRow


async def upsert_pushed_files(
    scope: Scope,
    tx: Transaction,
    source: SourceRow,
    files: Sequence[tuple[str, str | None]],
    event: str,
) -> None:
    """Insert pushed files by path, each with the reason to skip it or None; reset known files.

    `event` identifies the message and becomes the fingerprint. A run that is importing an older
    version of a file then does not mark the new version as imported. The next listing makes the
    file due again, and it is downloaded only if it has changed.
    """
    await tx.execute(
        """
        insert into pulled_files
            (source_id, project_id, path, state, error, fingerprint, attempts,
                pushed_at, updated_at)
        select %s, %s, path, case when skipped is null then 'seen' else 'skipped' end, skipped, %s,
            0, clock_timestamp(), clock_timestamp()
        from unnest(%s::text[], %s::text[]) as pushed (path, skipped)
        on conflict (source_id, path) do update set
            state = excluded.state, error = excluded.error, fingerprint = excluded.fingerprint,
            size = null,
            etag = case when pulled_files.updated_at >= coalesce(%s::timestamptz, '-infinity')
                then pulled_files.etag end,
            attempts = 0, next_attempt_at = null, pushed_at = excluded.pushed_at,
            updated_at = excluded.updated_at
        """,
        (
            source.id,
            source.project_id,
            f"pushed {event}",
            [path for path, _ in files],
            [skipped for _, skipped in files],
            source.moved_at,
        ),
    )


async def list_pushed_files(
    scope: Scope, tx: Transaction, source: SourceRow, limit: int
) -> list[PulledFileRow]:
    """List the pushed files that are due, by path."""
    statement = (
        select(PulledFileRow).where(_is_waiting(source)).order_by(PulledFileRow.path).limit(limit)
    )
    return list((await tx.session.scalars(statement)).all())


async def has_pushed_files(
    scope: Scope, tx: Transaction, source: SourceRow, *, due: bool = True
) -> bool:
    """Return whether pushed files wait for import; with `due`, only files that are due now."""
    waiting = _is_waiting(source) if due else is_at_current_address(source) & _IS_PUSHED
    return (await tx.session.execute(select(exists().where(waiting)))).scalar_one()


def needs_event_run() -> ColumnElement[bool]:
    """Return the condition for active, working sources with due pushed files and no current run."""
    running = exists().where(RunRow.source_id == SourceRow.id, RunRow.state == "running")
    is_of_present_address = PulledFileRow.updated_at >= func.coalesce(
        SourceRow.moved_at, text("'-infinity'")
    )
    waiting = exists().where(
        PulledFileRow.source_id == SourceRow.id, _IS_PUSHED, _IS_DUE, is_of_present_address
    )
    return and_(SourceRow.is_active, SourceRow.consecutive_failures == 0, waiting, ~running)


async def list_sources_with_pushed_files(scope: Scope, tx: Transaction, limit: int) -> list[UUID]:
    """List active, working sources with due pushed files and no current run.

    The sources with the oldest last pull come first.
    """
    statement = (
        select(SourceRow.id)
        .where(needs_event_run())
        .order_by(SourceRow.last_pull_timestamp.nulls_first(), SourceRow.id)
        .limit(limit)
    )
    return list((await tx.session.scalars(statement)).all())


_IS_PUSHED = PulledFileRow.pushed_at.is_not(None) & PulledFileRow.state.in_(("seen", "failed"))
_IS_DUE = or_(PulledFileRow.next_attempt_at.is_(None), PulledFileRow.next_attempt_at <= func.now())


def _is_waiting(source: SourceRow) -> ColumnElement[bool]:
    return is_at_current_address(source) & _IS_PUSHED & _IS_DUE
