"""The advisory lock between a backup and the deletion of stored files."""

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

BACKUP_LOCK = 7_230_010
"""Backups hold it shared; a process that deletes stored files holds it exclusively."""


async def is_backup_running(scope: Scope, tx: Transaction) -> bool:
    """Return whether a backup runs; if not, none can start until this transaction ends."""
    cursor = await tx.execute("select pg_try_advisory_xact_lock(%s)", (BACKUP_LOCK,))
    found = await cursor.fetchone()
    return not (found and found[0])
