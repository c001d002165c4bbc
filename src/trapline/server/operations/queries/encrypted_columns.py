"""Every secret at rest, whatever it is for: where they lie, which key sealed them, and their exchange."""

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
    """Count the secrets at rest by the version of the key that sealed them."""
    parts = " union all ".join(
        f"select {place.column} as sealed from {place.table}"  # noqa: S608 - our names
        for place in PLACES
    )
    cursor = await tx.execute(
        f"select case when length(sealed) > 0 then get_byte(sealed, 0) else 0 end, count(*) "  # noqa: S608 - our names
        f"from ({parts}) s where sealed is not null group by 1"
    )
    return dict(await cursor.fetchall())


async def list_secrets(
    scope: Scope, tx: Transaction, place: SecretColumn, after: UUID, limit: int
) -> list[tuple[UUID, bytes]]:
    """List secrets of a place by their rows, from after this one on."""
    cursor = await tx.execute(
        f"select id, {place.column} from {place.table} "  # noqa: S608 - our names
        f"where {place.column} is not null and id > %s order by id limit %s",
        (after, limit),
    )
    return list(await cursor.fetchall())


async def lock_outdated_secrets(
    scope: Scope, tx: Transaction, place: SecretColumn, current: int, limit: int
) -> list[tuple[UUID, bytes]]:
    """Lock secrets of a place that another key than the current one sealed."""
    cursor = await tx.execute(
        f"select id, {place.column} from {place.table} "  # noqa: S608 - our names
        f"where {place.column} is not null and substr({place.column}, 1, 1) <> %s order by id limit %s "
        "for no key update",
        (bytes([current]), limit),
    )
    return list(await cursor.fetchall())


async def update_secrets(
    scope: Scope, tx: Transaction, place: SecretColumn, exchanged: list[tuple[UUID, bytes]]
) -> None:
    """Write secrets of locked rows anew.

    Nothing else of a row changes, also not when it was changed last.
    """
    await tx.execute(
        f"update {place.table} t set {place.column} = n.sealed "  # noqa: S608 - our names
        "from unnest(%s::uuid[], %s::bytea[]) as n (id, sealed) where t.id = n.id",
        ([key for key, _ in exchanged], [sealed for _, sealed in exchanged]),
    )


async def block_secret_writes(scope: Scope, tx: Transaction) -> None:
    """Let nobody write to the tables of secrets until this transaction ends, and wait for those who do."""
    for table in sorted({place.table for place in PLACES}):
        await tx.execute(f"lock table {table} in share row exclusive mode")


async def count_older_transactions(scope: Scope, tx: Transaction, began: datetime) -> int:
    """Count other transactions that began before a moment: they may still write what they sealed then."""
    cursor = await tx.execute(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
        "and xact_start < %s and backend_type = 'client backend'",
        (began,),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def count_active_key_uses(scope: Scope, tx: Transaction, began: datetime) -> tuple[int, int]:
    """Count what others hold that was made with keys from before a moment: leases, and open outside analyses."""
    cursor = await tx.execute(
        "select count(*) filter (where job_id is not null and state = 'processing' and leased_at < %s), "
        "count(*) filter (where job_id is null and state in ('queued', 'processing') and created_at < %s) "
        "from analyses where state in ('queued', 'processing')",
        (began, began),
    )
    row = await cursor.fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
