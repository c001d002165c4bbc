"""A change of the secret key: every secret at rest is opened with the key that sealed it and sealed
with the newest.

Each batch is one transaction, and what is done is known by the secrets themselves: killed anywhere,
it goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trapline.server.operations.queries.encrypted_columns import (
    PLACES,
    block_secret_writes,
    count_active_key_uses,
    count_older_transactions,
    count_secrets_by_key,
    list_secrets,
    lock_outdated_secrets,
    update_secrets,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.vault import DecryptionError, decrypt_secret, encrypt_secret

BATCH = 100


@dataclass(frozen=True)
class EncryptedSecretCounts:
    """How many secrets at rest there are, and how many another key than the newest sealed."""

    total: int
    old: int
    versions: tuple[int, ...]


async def verify_secrets(system: AppContext, scope: Scope) -> EncryptedSecretCounts:
    """Open every secret at rest, and change nothing.

    Raises WrongKey that names the row of one that does not open.
    """
    for place in PLACES:
        after = UUID(int=0)
        while True:
            async with system.database.transaction(scope) as tx:
                found = await list_secrets(scope, tx, place, after, BATCH)
            for key, sealed in found:
                try:
                    decrypt_secret(system.secrets, sealed, place.table, key, place.column)
                except DecryptionError as error:
                    raise DecryptionError(
                        f"{place.table} {key}: {error} Nothing was changed."
                    ) from error
            if len(found) < BATCH:
                break
            after = found[-1][0]
    return await count_secrets(system, scope)


async def count_secrets(system: AppContext, scope: Scope) -> EncryptedSecretCounts:
    """Count the secrets at rest, without opening them."""
    async with system.database.transaction(scope) as tx:
        counts = await count_secrets_by_key(scope, tx)
    old = {version: count for version, count in counts.items() if version != system.secrets.current}
    return EncryptedSecretCounts(sum(counts.values()), sum(old.values()), tuple(sorted(counts)))


async def reencrypt_secrets(system: AppContext, scope: Scope, tell: Callable[[int], None]) -> int:
    """Seal with the newest key whatever another one sealed; `tell` hears how many are done.

    Raises WrongKey.
    """
    done = 0
    for place in PLACES:
        while True:
            async with system.database.transaction(scope) as tx:
                old = await lock_outdated_secrets(scope, tx, place, system.secrets.current, BATCH)
                exchanged = []
                for key, sealed in old:
                    opened = decrypt_secret(system.secrets, sealed, place.table, key, place.column)
                    exchanged.append(
                        (
                            key,
                            encrypt_secret(system.secrets, opened, place.table, key, place.column),
                        )
                    )
                if exchanged:
                    await update_secrets(scope, tx, place, exchanged)
                    tx.audit("reseal", place.table, place.column, count=len(exchanged))
            if not old:
                break
            done += len(exchanged)
            tell(done)
    return done


async def find_old_key_use(system: AppContext, scope: Scope, since: datetime) -> str | None:
    """Say why the keys before the newest are still needed by what was made before `since`; None if by nothing."""
    async with system.database.transaction(scope) as tx:
        older = await count_older_transactions(scope, tx, since)
        leases, analyses = await count_active_key_uses(scope, tx, since)
    if older:
        return f"{older} transactions are under way that began before the newest key was there"
    if leases:
        return f"workers hold {leases} tasks that were leased with it"
    if analyses:
        return f"{analyses} open analyses of outside pipelines have a secret that was made with it"
    return None


async def delete_old_keys(system: AppContext, scope: Scope, drop: Callable[[], None]) -> bool:
    """Call `drop` while nobody writes a secret, if none at rest needs an old key; answers whether it was called."""
    async with system.database.transaction(scope) as tx:
        await block_secret_writes(scope, tx)
        counts = await count_secrets_by_key(scope, tx)
        if set(counts) - {system.secrets.current}:
            return False
        drop()
    return True
