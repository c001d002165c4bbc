"""Tables and queries of imports: files of results, their progress and their faults."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Select,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Row
from trapline.server.platform.errors import NotFound
from trapline.server.projects.queries.concurrency_limits import LimitedWork
from trapline.wire.imports import ImportState

STATES = "('queued', 'reading', 'completed', 'failed', 'canceled')"
LIVE = "state in ('queued', 'reading')"
IMPORT_WORK = LimitedWork("imports", LIVE, "imports of this project are queued or running")
KINDS = "('wrong', 'unknown', 'ambiguous')"
MOST_FAULTS = 10_000
"""The maximum number of faults that are stored per file; all are counted."""

COUNTED = (
    "done", "stored", "unchanged", "annotations", "identifications", "deployments",
    "model_failures", "left_out", "faults", "unknown", "ambiguous",
)  # fmt: skip
"""Counters that grow while a file is imported."""


class ImportRow(Row):
    """A file of results with its progress: `done` entries are processed.

    `done` changes in the transaction that stores the results. `attempt` counts the claims since the
    last progress.
    """

    __tablename__ = "imports"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        ForeignKeyConstraint(
            ["project_id", "deployment_id"],
            ["deployments.project_id", "deployments.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(f"state in {STATES}", name="state"),
        Index("ix_imports_project_time", "project_id", "created_at", "id"),
        Index(
            "ix_imports_deployment", "deployment_id", postgresql_where="deployment_id is not null"
        ),
        Index("ix_imports_live", "updated_at", postgresql_where=LIVE),
    )

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    deployment_id: Mapped[UUID | None]
    format: Mapped[str]
    state: Mapped[str] = mapped_column(default="queued")
    filename: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    storage_key: Mapped[str]
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    requested_by: Mapped[str]
    attempt: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    total: Mapped[int | None]
    done: Mapped[int] = mapped_column(default=0, server_default="0")
    stored: Mapped[int] = mapped_column(default=0, server_default="0")
    unchanged: Mapped[int] = mapped_column(default=0, server_default="0")
    annotations: Mapped[int] = mapped_column(default=0, server_default="0")
    identifications: Mapped[int] = mapped_column(default=0, server_default="0")
    deployments: Mapped[int] = mapped_column(default=0, server_default="0")
    model_failures: Mapped[int] = mapped_column(default=0, server_default="0")
    left_out: Mapped[int] = mapped_column(default=0, server_default="0")
    faults: Mapped[int] = mapped_column(default=0, server_default="0")
    unknown: Mapped[int] = mapped_column(default=0, server_default="0")
    ambiguous: Mapped[int] = mapped_column(default=0, server_default="0")
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )


class ImportFaultRow(Row):
    """An entry of a file that was not imported; `number` is its position among the faults."""

    __tablename__ = "import_faults"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "import_id"], ["imports.project_id", "imports.id"], ondelete="CASCADE"
        ),
        CheckConstraint(f"kind in {KINDS}", name="kind"),
    )

    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    kind: Mapped[str]
    place: Mapped[str]
    file: Mapped[str | None]
    message: Mapped[str]


class NewFault(NamedTuple):
    """A fault to be stored: its kind, its position, the file name in the entry, and the reason."""

    kind: str
    place: str
    file: str | None
    message: str


async def create_import_row(scope: Scope, tx: Transaction, row: ImportRow) -> ImportRow:
    """Store an import."""
    scope.check(row.project_id)
    tx.session.add(row)
    await tx.session.flush()
    await tx.session.refresh(row)
    return row


async def get_import_row(
    scope: Scope, tx: Transaction, import_id: UUID, *, lock: bool = False
) -> ImportRow:
    """Return an import that the caller may access. Raises NotFound or Forbidden."""
    row = await find_import(scope, tx, import_id, lock=lock)
    if row is None:
        raise NotFound
    scope.check(row.project_id)
    return row


async def find_import(
    scope: Scope, tx: Transaction, import_id: UUID, *, lock: bool = False
) -> ImportRow | None:
    """Return an import that the caller can see, or None."""
    row = await tx.session.get(
        ImportRow, import_id, with_for_update=lock or None, populate_existing=True
    )
    return row if row is not None and scope.sees(row.project_id) else None


def select_imports(
    scope: Scope, project_id: int | None, kind: str | None, state: str | None
) -> Select[ImportRow]:
    """Select the imports that the caller can see, filtered by project, format and state."""
    statement = select(ImportRow)
    if project_id is not None:
        scope.check(project_id)
        statement = statement.where(ImportRow.project_id == project_id)
    elif (ids := scope.project_ids()) is not None:
        statement = statement.where(ImportRow.project_id.in_(ids))
    if kind is not None:
        statement = statement.where(ImportRow.format == kind)
    return statement if state is None else statement.where(ImportRow.state == state)


def select_faults(scope: Scope, row: ImportRow) -> Select[ImportFaultRow]:
    """Select the faults of an import."""
    scope.check(row.project_id)
    return select(ImportFaultRow).where(ImportFaultRow.import_id == row.id)


async def create_faults(
    scope: Scope, tx: Transaction, row: ImportRow, faults: Sequence[NewFault]
) -> None:
    """Store faults after those that the row counts, up to MOST_FAULTS, and count them all."""
    scope.check(row.project_id)
    kept = faults[: max(0, MOST_FAULTS - row.faults)]
    if kept:
        await tx.execute(
            """
            insert into import_faults (import_id, number, project_id, kind, place, file, message)
            select %s, %s + f.number, %s, f.kind, f.place, f.file, f.message
            from unnest(%s::text[], %s::text[], %s::text[], %s::text[]) with ordinality
                as f(kind, place, file, message, number)
            """,
            (
                row.id,
                row.faults,
                row.project_id,
                *(list(column) for column in zip(*kept, strict=True)),
            ),
        )
    row.faults += len(faults)
    row.unknown += sum(one.kind == "unknown" for one in faults)
    row.ambiguous += sum(one.kind == "ambiguous" for one in faults)


def record_progress(row: ImportRow) -> None:
    """Record the time of progress of a locked import."""
    row.updated_at = func.clock_timestamp()


async def record_heartbeat(scope: Scope, tx: Transaction, import_id: UUID) -> None:
    """Record a heartbeat of an import that is being read."""
    await tx.execute(
        "update imports set updated_at = clock_timestamp() where id = %s and state = 'reading'",
        (import_id,),
    )


def finish_import(row: ImportRow, state: ImportState, error: str | None = None) -> None:
    """Set the final state of a locked import."""
    row.state, row.error = state.value, error
    row.ended_at = row.updated_at = func.clock_timestamp()


async def claim_stalled_imports(scope: Scope, tx: Transaction, still_for_s: float) -> list[UUID]:
    """Return imports without progress for `still_for_s` seconds, each once in that time."""
    cursor = await tx.execute(
        "update imports set updated_at = clock_timestamp() where state = 'reading'"
        " and updated_at < now() - make_interval(secs => %s) returning id",
        (still_for_s,),
    )
    return [key for (key,) in await cursor.fetchall()]
