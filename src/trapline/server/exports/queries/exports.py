"""Tables and queries of exports and of the images that each contains."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
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
    TypeDecorator,
    UniqueConstraint,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, defer, mapped_column

from trapline.server.exports.rules.filters import ExportFilter
from trapline.server.platform.access import Scope
from trapline.server.platform.db.background_tasks import EXPORTS
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Row
from trapline.server.platform.errors import NotFound
from trapline.server.projects.queries.concurrency_limits import LimitedWork

LIVE = "state in ('queued', 'gathering', 'writing')"
EXPORT_WORK = LimitedWork("exports", LIVE, "exports of this project are queued or running")
_NONE = text("'[]'::jsonb")


class StoredOptions(TypeDecorator[dict[str, Any]]):
    """Options of an export, with `with_images` stored under its earlier name, `with_pictures`.

    Processes of the previous version read and write these rows during an upgrade. A row that was
    stored under the present name is read too.
    """

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Any) -> Any:  # noqa: ARG002
        """Rename the option for storage."""
        return _rename_option(value, "with_images", "with_pictures")

    def process_result_value(self, value: Any, dialect: Any) -> Any:  # noqa: ARG002
        """Rename the option for the present version."""
        return _rename_option(value, "with_pictures", "with_images")


def _rename_option(
    options: dict[str, Any] | None, before: str, after: str
) -> dict[str, Any] | None:
    if options is None:
        return None
    return {after if name == before else name: value for name, value in options.items()}


class ExportRow(Row):
    """An export. `attempt` counts claims: only the latest claim may change the row.

    `gathered_to` is the position up to which records are gathered; they fill the first
    `spooled_bytes` of the spool. `storage_key` is stored before the file is written, so that no
    file is left without a reference. `forgotten_images` counts the export's images that were
    purged; those that are only marked as deleted are counted on request. `precisions` has the
    deployments that the file does not show exactly, and null of exports of an earlier version.
    `audience` is the role that the export was requested for, if it is not that of its requester.
    """

    __tablename__ = "exports"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        CheckConstraint(
            "state in ('queued', 'gathering', 'writing', 'ready', 'invalid', 'failed', 'canceled',"
            " 'expired')",
            name="state",
        ),
        CheckConstraint("(state = 'ready') <= (storage_key is not null)", name="file"),
        Index("ix_exports_project_time", "project_id", "created_at", "id"),
        Index("ix_exports_live", "updated_at", postgresql_where=LIVE),
        Index("ix_exports_expiry", "expires_at", postgresql_where="storage_key is not null"),
    )

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    format: Mapped[str]
    selection: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]] = mapped_column(StoredOptions)
    content: Mapped[str] = mapped_column(
        default="observations", server_default=text("'observations'")
    )
    state: Mapped[str] = mapped_column(default="queued")
    requested_by: Mapped[str]
    attempt: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    gathered_to: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    spooled_bytes: Mapped[int] = mapped_column(default=0, server_default="0")
    expected: Mapped[int | None]
    images: Mapped[int] = mapped_column(default=0, server_default="0")
    annotations: Mapped[int] = mapped_column(default=0, server_default="0")
    written: Mapped[int | None]
    fixed: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=_NONE)
    left_out: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=_NONE)
    problems: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=_NONE)
    error: Mapped[str | None]
    storage_key: Mapped[str | None]
    size_bytes: Mapped[int | None]
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    forgotten_images: Mapped[int] = mapped_column(default=0, server_default="0")
    audience: Mapped[str | None]
    precisions: Mapped[dict[str, int] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )


class ExportImageRow(Row):
    """An image that an export contains; the row is deleted when the image is purged."""

    __tablename__ = "export_images"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "export_id"], ["exports.project_id", "exports.id"], ondelete="CASCADE"
        ),
    )

    export_id: Mapped[UUID] = mapped_column(primary_key=True)
    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[int]


async def get_export_row(
    scope: Scope, tx: Transaction, export_id: UUID, *, lock: bool = False
) -> ExportRow:
    """Return an export that the caller may access. Raises NotFound or Forbidden."""
    row = await tx.session.get(
        ExportRow, export_id, with_for_update=lock or None, populate_existing=True
    )
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    scope.check(row.project_id)
    return row


def select_exports(scope: Scope, project_id: int | None, wanted: ExportFilter) -> Select[ExportRow]:
    """Select the exports that the caller can see, of one project or of all.

    Their selections are not loaded; `list_filters` returns them.
    """
    statement = select(ExportRow).options(defer(ExportRow.selection, raiseload=True))
    if wanted.format is not None:
        statement = statement.where(ExportRow.format == wanted.format)
    if wanted.state is not None:
        statement = statement.where(ExportRow.state == wanted.state)
    if project_id is not None:
        scope.check(project_id)
        return statement.where(ExportRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(ExportRow.project_id.in_(ids))


class ExportFilterSummary(NamedTuple):
    """The filter of an export without image IDs, and the number of images that it names, if any."""

    filter: dict[str, Any]
    images: int | None


async def list_filters(
    scope: Scope, tx: Transaction, ids: Sequence[UUID]
) -> dict[UUID, ExportFilterSummary]:
    """Return the filters of these exports without loading the IDs of the selected images."""
    cursor = await tx.execute(
        "select id, selection - 'images', jsonb_array_length(selection->'images')"
        " from exports where id = any(%b)",
        (list(ids),),
    )
    return {
        key: ExportFilterSummary(chosen, images) for key, chosen, images in await cursor.fetchall()
    }


async def claim_export(
    scope: Scope,
    tx: Transaction,
    export_id: UUID,
    *,
    still_for_s: float,
    known_dead: int | None = None,
) -> ExportRow | None:
    """Claim an export, so that earlier claims can no longer change it; None if it is not available.

    An export is available while it is queued and when it sent no heartbeat for `still_for_s`
    seconds. It is available immediately when its latest attempt is `known_dead`.
    """
    is_quiet = ExportRow.updated_at < func.clock_timestamp() - timedelta(seconds=still_for_s)
    statement = (
        select(ExportRow)
        .where(
            ExportRow.id == export_id,
            text(LIVE),
            or_(ExportRow.state == "queued", ExportRow.attempt == known_dead, is_quiet),
        )
        .with_for_update()
    )
    row = (
        await tx.session.scalars(statement, execution_options={"populate_existing": True})
    ).one_or_none()
    if row is None:
        return None
    row.attempt += 1
    row.started_at = row.started_at or func.clock_timestamp()
    row.updated_at = func.clock_timestamp()
    if row.state == "queued":
        row.state = "gathering"
    await tx.session.flush()
    await tx.session.refresh(row)
    return row


async def update_export(scope: Scope, tx: Transaction, row: ExportRow, **values: Any) -> bool:
    """Set values of an export; return False if this attempt no longer owns it."""
    statement = (
        update(ExportRow)
        .where(
            ExportRow.id == row.id,
            ExportRow.attempt == row.attempt,
            ExportRow.state.in_(("queued", "gathering", "writing")),
        )
        .values(updated_at=func.clock_timestamp(), **values)
        .returning(ExportRow.id)
    )
    moved = await tx.session.execute(statement, execution_options={"synchronize_session": False})
    return moved.scalar_one_or_none() is not None


async def list_stalled_exports(scope: Scope, tx: Transaction, still_for_s: float) -> list[UUID]:
    """List unfinished exports without a heartbeat for `still_for_s` seconds or a queued task."""
    query = f"""
        select id from exports e
        where {LIVE} and updated_at < now() - make_interval(secs => %s) and not exists (
            select from procrastinate.procrastinate_jobs j
            where j.queue_name = %s::varchar and j.status = 'todo'
                and j.args->>'export_id' = e.id::text
        ) order by id
        """  # noqa: S608 - made of constants
    return [row[0] for row in await (await tx.execute(query, (still_for_s, EXPORTS))).fetchall()]


async def list_active_exports(scope: Scope, tx: Transaction, ids: Sequence[UUID]) -> set[UUID]:
    """Return those of these exports that are not finished."""
    query = f"select id from exports where id = any(%b) and {LIVE}"  # noqa: S608 - only constants
    return {row[0] for row in await (await tx.execute(query, (list(ids),))).fetchall()}


async def expire_exports(scope: Scope, tx: Transaction, limit: int) -> list[tuple[str, int]]:
    """Mark exports as expired; return the storage key and the project of each one's file."""
    cursor = await tx.execute(
        """
        update exports e set state = 'expired', storage_key = null, updated_at = clock_timestamp()
        from (
            select id, storage_key from exports
            where storage_key is not null and expires_at <= clock_timestamp()
            order by expires_at limit %s for update skip locked
        ) l where e.id = l.id returning l.storage_key, e.project_id
        """,
        (limit,),
    )
    return [(key, project_id) for key, project_id in await cursor.fetchall()]


async def add_export_images(
    scope: Scope, tx: Transaction, row: ExportRow, images: Sequence[UUID]
) -> set[UUID]:
    """Record that an export contains these images; return those that are new in it."""
    cursor = await tx.execute(
        "insert into export_images (export_id, image_id, project_id)"
        " select %s, unnest(%b::uuid[]), %s"
        " on conflict do nothing returning image_id",
        (row.id, list(images), row.project_id),
    )
    return {one for (one,) in await cursor.fetchall()}


async def delete_export_images(scope: Scope, tx: Transaction, export_id: UUID) -> None:
    """Delete the record of which images an export contains, before it is gathered again."""
    await tx.execute("delete from export_images where export_id = %s", (export_id,))


async def purge_unfinished_images(scope: Scope, tx: Transaction, limit: int) -> int:
    """Delete the image lists of exports that ended without a file; return the number of rows."""
    cursor = await tx.execute(
        """
        delete from export_images where (export_id, image_id) in (
            select x.export_id, x.image_id from exports e cross join lateral (
                select export_id, image_id from export_images where export_id = e.id
                limit %(limit)s for update skip locked
            ) x where e.state in ('invalid', 'failed', 'canceled') limit %(limit)s
        )
        """,
        {"limit": limit},
    )
    return cursor.rowcount


async def count_deleted(scope: Scope, tx: Transaction, exports: Iterable[UUID]) -> dict[UUID, int]:
    """Count the images of each of these exports that were deleted since it was created."""
    cursor = await tx.execute(
        """
        select e.id, e.forgotten_images + (
            select count(*) from images i
            join export_images x on x.export_id = e.id and x.image_id = i.id
            where i.project_id = e.project_id and i.deleted_at > e.created_at
        ) from exports e where e.id = any(%b)
        """,
        (list(exports),),
    )
    return {key: int(count) for key, count in await cursor.fetchall()}


async def record_purged_images(
    scope: Scope, tx: Transaction, images: Sequence[UUID], projects: Iterable[int]
) -> None:
    """Count images that are being purged, in the exports that contain them."""
    await tx.execute(
        """
        with gone as (
            delete from export_images x using exports e
            where e.project_id = any(%s::bigint[]) and x.export_id = e.id and x.image_id = any(%b)
            returning x.export_id
        )
        update exports e set forgotten_images = forgotten_images + g.images
        from (select export_id, count(*) as images from gone group by 1) g where e.id = g.export_id
        """,
        (sorted(set(projects)), sorted(images)),
    )


async def count_existing_images(
    scope: Scope, tx: Transaction, project_id: int, images: Sequence[UUID]
) -> int:
    """Count those of these images that are in a project and are not deleted."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select count(*) from images where id = any(%b) and project_id = %s and deleted_at is null",
        (list(images), project_id),
    )
    [count] = await cursor.fetchone() or (0,)
    return int(count)


async def list_deployment_names(
    scope: Scope, tx: Transaction, ids: Iterable[UUID]
) -> dict[UUID, str]:
    """Return the names of these deployments; deleted ones are left out."""
    cursor = await tx.execute("select id, name from deployments where id = any(%b)", (list(ids),))
    return {key: name for key, name in await cursor.fetchall()}


async def list_project_names(scope: Scope, tx: Transaction, ids: Iterable[int]) -> dict[int, str]:
    """Return the names of these projects."""
    cursor = await tx.execute(
        "select id, name from projects where id = any(%s::bigint[])", (list(ids),)
    )
    return {key: name for key, name in await cursor.fetchall()}


async def list_file_keys(scope: Scope, tx: Transaction, project_id: int) -> list[str]:
    """List the storage keys of all exports of a project, including files that are being stored."""
    cursor = await tx.execute(
        "select storage_key from exports where project_id = %s and storage_key is not null",
        (project_id,),
    )
    return [key for (key,) in await cursor.fetchall()]
