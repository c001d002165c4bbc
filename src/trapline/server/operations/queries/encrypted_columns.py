"""Encrypted secrets in the database: their columns, their keys, and their rotation."""

from datetime import datetime
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.vault import SecretColumn

PLACES = (
    SecretColumn("pull_sources", "secrets"),
    SecretColumn("pull_sources", "event_secrets"),
    SecretColumn("callback_keys", "sealed_secret"),
    SecretColumn("webhooks", "secrets"),
    SecretColumn("job_downloads", "sealed_url"),
)


async def count_secrets_by_key(scope: Scope, tx: Transaction) -> dict[int, int]:
    """Count the stored secrets by the version of the key that encrypted them."""
    parts = " union all ".join(
        f"select {place.column} as sealed from {place.table}"  # noqa: S608
        for place in PLACES
    )
    cursor = await tx.execute(
        "select case when length(sealed) > 0 then get_byte(sealed, 0) else 0 end, "  # noqa: S608
        f"count(*) from ({parts}) s where sealed is not null group by 1"
    )
    return dict(await cursor.fetchall())


async def list_secrets(
    scope: Scope, tx: Transaction, place: SecretColumn, after: UUID, limit: int
) -> list[tuple[UUID, bytes]]:
    """List secrets of a column by row ID, after the given ID."""
    cursor = await tx.execute(
        f"select id, {place.column} from {place.table} "  # noqa: S608
        f"where {place.column} is not null and id > %s order by id limit %s",
        (after, limit),
    )
    return list(await cursor.fetchall())


async def lock_outdated_secrets(
    scope: Scope, tx: Transaction, place: SecretColumn, current: int, limit: int
) -> list[tuple[UUID, bytes]]:
    """Lock secrets of a column that are not encrypted with the current key."""
    cursor = await tx.execute(
        f"select id, {place.column} from {place.table} "  # noqa: S608
        f"where {place.column} is not null and substr({place.column}, 1, 1) <> %s order by id "
        "limit %s for no key update",
        (bytes([current]), limit),
    )
    return list(await cursor.fetchall())


async def update_secrets(
    scope: Scope, tx: Transaction, place: SecretColumn, exchanged: list[tuple[UUID, bytes]]
) -> None:
    """Replace the secrets of locked rows; nothing else of a row changes, not even `updated_at`."""
    await tx.execute(
        f"update {place.table} t set {place.column} = n.sealed "  # noqa: S608
        "from unnest(%s::uuid[], %s::bytea[]) as n (id, sealed) where t.id = n.id",
        ([key for key, _ in exchanged], [sealed for _, sealed in exchanged]),
    )


async def block_secret_writes(scope: Scope, tx: Transaction) -> None:
    """Block writes to tables with secrets until the transaction ends; wait for current writers."""
    for table in sorted({place.table for place in PLACES}):
        await tx.execute(f"lock table {table} in share row exclusive mode")


async def count_older_transactions(scope: Scope, tx: Transaction, began: datetime) -> int:
    """Count other transactions that began before a time: they may still write older secrets."""
    cursor = await tx.execute(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> "
        "pg_backend_pid() and xact_start < %s and backend_type = 'client backend'",
        (began,),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def count_active_key_uses(scope: Scope, tx: Transaction, began: datetime) -> tuple[int, int]:
    """Count uses of keys from before a time: leases, and open analyses of external pipelines."""
    cursor = await tx.execute(
        "select count(*) filter (where job_id is not null and state = 'processing' and leased_at < "
        "%s), count(*) filter (where job_id is null and state in ('queued', 'processing') and "
        "created_at < %s) from analyses where state in ('queued', 'processing')",
        (began, began),
    )
    row = await cursor.fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
