"""Queries for the files of pull sources: one row per path, so that each file is imported once."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.sources.queries.sources import PulledFileRow, SourceRow

NEWEST = "newest"
_NO_TIME: ColumnElement[datetime] = literal_column("'-infinity'::timestamptz")
_TIME = func.coalesce(PulledFileRow.modified_at, _NO_TIME)


class ListedFile(NamedTuple):
    """A file of a listing; `skipped` is the reason if it is not to be imported."""

    path: str
    size: int | None
    modified_at: datetime | None
    fingerprint: str
    skipped: str | None = None


async def list_unknown_files(
    scope: Scope, tx: Transaction, source: SourceRow, listed: Sequence[ListedFile]
) -> list[ListedFile]:
    """List the files that are new or have a different fingerprint than their row.

    Writes nothing.
    """
    # The database compares, with parameters in binary form. Fetching all rows, or sending the lists
    # as text, would take longer than the comparison.
    cursor = await tx.execute(
        """
        select t.place
        from unnest(%b::text[], %b::text[]) with ordinality as t (path, fingerprint, place)
        left join pulled_files f on f.source_id = %s and f.path = t.path
            and f.updated_at >= coalesce(%s::timestamptz, '-infinity')
        where f.fingerprint is distinct from t.fingerprint order by t.place
        """,
        (
            [file.path for file in listed],
            [file.fingerprint for file in listed],
            source.id,
            source.moved_at,
        ),
    )
    return [listed[place - 1] for (place,) in await cursor.fetchall()]


async def upsert_listed_files(
    scope: Scope,
    tx: Transaction,
    source: SourceRow,
    listed: Sequence[ListedFile],
    settle: timedelta,
) -> int:
    """Insert new files and reset changed ones; returns the number of files to import.

    A file that changes before its first import is still being written and is delayed by `settle`.
    This does not apply to pushed files, because no listing has shown them before.
    """
    files = list({file.path: file for file in listed}.values())
    if not files:
        return 0
    # SQL with arrays, because building a statement with 500 rows of values takes ten times as long.
    await tx.execute(
        """
        insert into pulled_files
            (source_id, project_id, path, state, error, size, modified_at, fingerprint, attempts)
        select %s, %s, path, case when skipped is null then 'seen' else 'skipped' end, skipped,
            size, modified_at, fingerprint, 0
        from unnest(%s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::text[])
            as listed (path, skipped, size, modified_at, fingerprint)
        on conflict (source_id, path) do update set
            state = excluded.state, error = excluded.error, size = excluded.size,
            modified_at = excluded.modified_at, fingerprint = excluded.fingerprint, attempts = 0,
            etag = case when pulled_files.updated_at >= coalesce(%s::timestamptz, '-infinity')
                then pulled_files.etag end,
            next_attempt_at = case
                when pulled_files.state = 'seen'
                    and not starts_with(pulled_files.fingerprint, 'pushed ')
                then now() + %s end,
            updated_at = now()
        """,
        (
            source.id,
            source.project_id,
            [file.path for file in files],
            [file.skipped for file in files],
            [file.size for file in files],
            [file.modified_at for file in files],
            [file.fingerprint for file in files],
            source.moved_at,
            settle,
        ),
    )
    return sum(file.skipped is None for file in files)


async def record_unlisted(
    scope: Scope, tx: Transaction, source: SourceRow, folders: Sequence[tuple[str, str]]
) -> None:
    """Replace the unlisted folders of a source by those of a finished listing."""
    reasons = {f"{path}/": reason for path, reason in folders}
    await tx.execute(
        "delete from pulled_files"
        " where source_id = %s and kind = 'folder' and not path = any(%s::text[])",
        (source.id, list(reasons)),
    )
    if not reasons:
        return
    await tx.execute(
        """
        insert into pulled_files
            (source_id, project_id, path, kind, state, error, fingerprint, attempts)
        select %s, %s, path, 'folder', 'failed', reason, '', 1
        from unnest(%s::text[], %s::text[]) as t (path, reason)
        on conflict (source_id, path) do update set
            error = excluded.error, attempts = pulled_files.attempts + 1, updated_at = now()
        where pulled_files.kind = 'folder'
        """,
        (
            source.id,
            source.project_id,
            list(reasons),
            list(reasons.values()),
        ),
    )


async def list_new_files(
    scope: Scope, tx: Transaction, source: SourceRow, after: PulledFileRow | None, limit: int
) -> list[PulledFileRow]:
    """List the files after `after` that were never tried, in the order of their source."""
    statement = _select_fresh(source, is_newest_first=source.order == NEWEST).limit(limit)
    if after is not None:
        time = _NO_TIME if after.modified_at is None else literal(after.modified_at)
        place, last = tuple_(_TIME, PulledFileRow.path), tuple_(time, after.path)
        statement = statement.where(place < last if source.order == NEWEST else place > last)
    return list((await tx.session.scalars(statement)).all())


async def list_last_new_files(
    scope: Scope, tx: Transaction, source: SourceRow, limit: int
) -> list[PulledFileRow]:
    """List the files that were never tried, in the reverse order of their source."""
    statement = _select_fresh(source, is_newest_first=source.order != NEWEST).limit(limit)
    return list((await tx.session.scalars(statement)).all())


def _select_fresh(source: SourceRow, *, is_newest_first: bool) -> Select[PulledFileRow]:
    statement = select(PulledFileRow).where(_is_due(source), _is_fresh())
    if is_newest_first:
        return statement.order_by(_TIME.desc(), PulledFileRow.path.desc())
    return statement.order_by(_TIME, PulledFileRow.path)


async def list_retryable_files(
    scope: Scope, tx: Transaction, source: SourceRow, before: datetime, limit: int
) -> list[PulledFileRow]:
    """List the due retries that were not updated since `before`, fewest attempts first."""
    statement = (
        select(PulledFileRow)
        .where(_is_due(source), ~_is_fresh(), PulledFileRow.updated_at < before)
        .order_by(PulledFileRow.attempts, PulledFileRow.path)
        .limit(limit)
    )
    return list((await tx.session.scalars(statement)).all())


async def count_due_files(scope: Scope, tx: Transaction, source: SourceRow) -> int:
    """Count the files that are due."""
    statement = select(func.count()).select_from(PulledFileRow).where(_is_due(source))
    return (await tx.session.execute(statement)).scalar_one()


async def find_next_retry(
    scope: Scope, tx: Transaction, source: SourceRow, together: timedelta
) -> datetime | None:
    """Return the next retry of a source: the last due time within `together` of the first one."""
    own = (
        (PulledFileRow.state == "failed")
        & (PulledFileRow.kind == "file")
        & is_at_current_address(source)
    )
    first = select(func.min(PulledFileRow.next_attempt_at)).where(own).scalar_subquery()
    statement = select(func.max(PulledFileRow.next_attempt_at)).where(
        own, PulledFileRow.next_attempt_at <= first + together
    )
    return (await tx.session.execute(statement)).scalar_one()


def _is_fresh() -> ColumnElement[bool]:
    # The state is a literal, because prepared statements cannot use the partial index with a
    # parameter.
    return and_(
        PulledFileRow.state == literal_column("'seen'"),
        PulledFileRow.kind == literal_column("'file'"),
        PulledFileRow.next_attempt_at.is_(None),
    )


def _is_due(source: SourceRow) -> ColumnElement[bool]:
    return and_(
        PulledFileRow.state.in_(("seen", "failed")),
        PulledFileRow.kind == "file",
        or_(PulledFileRow.next_attempt_at.is_(None), PulledFileRow.next_attempt_at <= func.now()),
        is_at_current_address(source),
    )


def is_at_current_address(source: SourceRow) -> ColumnElement[bool]:
    """Return the condition for files of the current location of a source."""
    own = PulledFileRow.source_id == source.id
    return own if source.moved_at is None else own & (PulledFileRow.updated_at >= source.moved_at)


@dataclass(frozen=True)
class FileOutcome:
    """The outcome of an attempt to import a file.

    `tried` is the number of earlier attempts. `again_after` is the delay until the next attempt.
    `size` is the size that the server reports now.
    """

    path: str
    fingerprint: str
    tried: int
    state: str
    error: str | None = None
    attempts: int = 0
    again_after: timedelta | None = None
    size: int | None = None
    sha256: bytes | None = None
    etag: str | None = None
    image_id: UUID | None = None


async def record_outcomes(
    scope: Scope, tx: Transaction, source_id: UUID, files: Sequence[FileOutcome]
) -> None:
    """Record the outcomes of files.

    An outcome is discarded if the file was listed or pushed with a new fingerprint in the meantime.
    A failure is also discarded if a user has reset the attempts of the file.
    """
    await tx.execute(
        """
        update pulled_files f set
            state = t.state, error = t.error, attempts = t.attempts,
            next_attempt_at = now() + t.again_after, size = coalesce(t.size, f.size),
            image_id = coalesce(t.image_id, f.image_id), sha256 = coalesce(t.sha256, f.sha256),
            etag = case when t.image_id is null then f.etag else t.etag end,
            updated_at = now()
        from unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::bigint[],
                %s::interval[], %s::bigint[], %s::bytea[], %s::text[], %s::uuid[])
            as t (path, fingerprint, tried, state, error, attempts,
                again_after, size, sha256, etag, image_id)
        where f.source_id = %s and f.path = t.path and f.fingerprint = t.fingerprint
            and (f.attempts = t.tried or t.state in ('imported', 'duplicate', 'skipped'))
        """,
        (*([getattr(file, name) for file in files] for name in _OUTCOME_FIELDS), source_id),
    )


_OUTCOME_FIELDS = tuple(name.name for name in fields(FileOutcome))


def select_files(scope: Scope, source: SourceRow, state: str | None) -> Select[PulledFileRow]:
    """Select the files of a source, in one state or in all."""
    scope.check(source.project_id)
    statement = select(PulledFileRow).where(PulledFileRow.source_id == source.id)
    return statement if state is None else statement.where(PulledFileRow.state == state)


async def reset_files(
    scope: Scope, tx: Transaction, source: SourceRow, path: str | None = None
) -> int:
    """Make failed and quarantined files, or the one at `path`, due; returns their number."""
    scope.check(source.project_id)
    is_selected = (
        is_at_current_address(source)
        if path is None
        else is_at_current_address(source) & (PulledFileRow.path == path)
    )
    statement = (
        update(PulledFileRow)
        .where(
            is_selected,
            PulledFileRow.state.in_(("quarantined", "failed")),
            PulledFileRow.kind == "file",
        )
        .values(state="failed", attempts=0, next_attempt_at=None, updated_at=func.now())
        .returning(PulledFileRow.path)
    )
    return len(
        (
            await tx.session.execute(statement, execution_options={"synchronize_session": False})
        ).all()
    )
