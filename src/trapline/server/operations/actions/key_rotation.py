"""Rotation of the secret key: each stored secret is encrypted again with the newest key.

Each batch is one transaction, and the secrets name their key, so an interrupted rotation continues.
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
    """The number of stored secrets, and of those encrypted with an older key."""

    total: int
    old: int
    versions: tuple[int, ...]


async def verify_secrets(system: AppContext, scope: Scope) -> EncryptedSecretCounts:
    """Decrypt every stored secret, without a change.

    Raises:
        DecryptionError: a secret cannot be decrypted; the message names its row.
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
    """Count the stored secrets without decrypting them."""
    async with system.database.transaction(scope) as tx:
        counts = await count_secrets_by_key(scope, tx)
    old = {version: count for version, count in counts.items() if version != system.secrets.current}
    return EncryptedSecretCounts(sum(counts.values()), sum(old.values()), tuple(sorted(counts)))


async def reencrypt_secrets(system: AppContext, scope: Scope, report: Callable[[int], None]) -> int:
    """Encrypt secrets of older keys with the newest; `report` gets the number so far.

    Raises:
        DecryptionError: a secret cannot be decrypted.
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
            report(done)
    return done


async def find_old_key_use(system: AppContext, scope: Scope, since: datetime) -> str | None:
    """Return why older keys are still needed by work from before `since`; None if they are not."""
    async with system.database.transaction(scope) as tx:
        older = await count_older_transactions(scope, tx, since)
        leases, analyses = await count_active_key_uses(scope, tx, since)
    if older:
        return f"{older} transactions that began before the newest key existed are still open"
    if leases:
        return f"workers hold {leases} tasks that were leased with the older key"
    if analyses:
        return f"{analyses} open analyses of external pipelines have a secret of the older key"
    return None


async def delete_old_keys(system: AppContext, scope: Scope, drop: Callable[[], None]) -> bool:
    """Call `drop` if no stored secret uses an old key; return whether it was called.

    Writes of secrets are blocked meanwhile.
    """
    async with system.database.transaction(scope) as tx:
        await block_secret_writes(scope, tx)
        counts = await count_secrets_by_key(scope, tx)
        if set(counts) - {system.secrets.current}:
            return False
        drop()
    return True
