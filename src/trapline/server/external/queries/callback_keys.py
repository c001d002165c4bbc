"""Callback keys: the secrets with which processing services sign, and the used signatures."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, LargeBinary, select
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Now, Row
from trapline.server.platform.errors import NotFound
from trapline.server.queue.queries.pipelines import ServiceProjectRow, ServiceRow


class CallbackKeyRow(Row):
    """A service key, valid for those projects of its service that its creator owned."""

    __tablename__ = "callback_keys"
    __table_args__ = (
        ForeignKeyConstraint(["service_id"], ["processing_services.id"], ondelete="CASCADE"),
    )

    id: Mapped[Key]
    key_id: Mapped[str] = mapped_column(unique=True)
    service_id: Mapped[int] = mapped_column(index=True)
    project_ids: Mapped[list[int]]
    name: Mapped[str]
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[str]
    created_at: Mapped[Now]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class UsedSignatureRow(Row):
    """A used signature, stored as a hash until it has expired."""

    __tablename__ = "used_signatures"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


async def create_used_signature(tx: Transaction, digest: bytes, kept_s: float) -> bool:
    """Record a signature as used if this transaction commits; return False if it was used before.

    It waits for a concurrent request with the same signature.
    """
    cursor = await tx.execute(
        "insert into used_signatures (digest, expires_at) values (%s, now() + make_interval(secs "
        "=> %s)) on conflict do nothing",
        (digest, kept_s),
    )
    return cursor.rowcount == 1


async def purge_signature_batch(scope: Scope, tx: Transaction, limit: int) -> int:
    """Delete up to `limit` expired signatures; return their number."""
    cursor = await tx.execute(
        "delete from used_signatures where digest in (select digest from used_signatures"
        " where expires_at < now() limit %s for update skip locked)",
        (limit,),
    )
    return cursor.rowcount


async def find_key(tx: Transaction, key_id: str) -> tuple[CallbackKeyRow, list[int]] | None:
    """Find an active key, and the projects that it is currently valid for."""
    row = (
        await tx.session.scalars(
            select(CallbackKeyRow).where(
                CallbackKeyRow.key_id == key_id, CallbackKeyRow.revoked_at.is_(None)
            )
        )
    ).one_or_none()
    if row is None:
        return None
    projects = await tx.session.scalars(
        select(ServiceProjectRow.project_id).where(
            ServiceProjectRow.service_id == row.service_id,
            ServiceProjectRow.project_id.in_(row.project_ids),
        )
    )
    return row, list(projects.all())


async def lock_key(tx: Transaction, key: UUID, project_id: int) -> bool:
    """Delay a revocation until this transaction ends; return False if the key is not valid."""
    cursor = await tx.execute(
        """
        select 1 from callback_keys k where k.id = %s and k.revoked_at is null and exists (
            select from service_projects sp where sp.service_id = k.service_id
                and sp.project_id = %s)
        for key share of k
        """,
        (key, project_id),
    )
    return await cursor.fetchone() is not None


async def record_key_use(tx: Transaction, key: UUID) -> None:
    """Record the use of a key, at most once a minute, so that callbacks do not wait for its row."""
    await tx.execute(
        """
        update callback_keys set last_used_at = now() where id in (
            select id from callback_keys
            where id = %s and (last_used_at is null or last_used_at < now() - interval '1 minute')
            for no key update skip locked)
        """,
        (key,),
    )


async def list_key_rows(
    scope: Scope, tx: Transaction, project_id: int | None
) -> Sequence[tuple[CallbackKeyRow, str]]:
    """List the keys that are valid for the caller's projects, newest first, with their services."""
    statement = select(CallbackKeyRow, ServiceRow.name).join(
        ServiceRow, ServiceRow.id == CallbackKeyRow.service_id
    )
    projects = scope.project_ids() if project_id is None else [project_id]
    if project_id is not None:
        scope.check(project_id)
    if projects is not None:
        statement = statement.where(CallbackKeyRow.project_ids.overlap(projects))
    rows = await tx.session.execute(
        statement.order_by(CallbackKeyRow.created_at.desc(), CallbackKeyRow.id.desc())
    )
    return [(row, name) for row, name in rows.all()]


async def get_key_row(scope: Scope, tx: Transaction, key: UUID) -> CallbackKeyRow:
    """Get and lock a key that is valid for a project that the caller sees.

    Raises:
        NotFound: there is no such key.
    """
    row = await tx.session.get(CallbackKeyRow, key, with_for_update=True)
    if row is None or not any(scope.sees(project) for project in row.project_ids):
        raise NotFound
    return row
