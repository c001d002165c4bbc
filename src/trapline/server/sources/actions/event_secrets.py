"""Secrets that servers sign pushed events with: create, delete, list."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.signing_secrets import list_secrets, rotate_signing_secret
from trapline.server.platform.vault import SecretColumn
from trapline.server.sources.queries.sources import get_source_row
from trapline.wire.pushed_events import EventSecret

PLACE = SecretColumn("pull_sources", "event_secrets")


async def create_event_secret(system: AppContext, scope: Scope, source_id: UUID) -> EventSecret:
    """Create or replace the secret of a source; a replaced secret is valid for another day.

    Raises:
        NotFound: the source does not exist.
        Forbidden: the caller does not have the required role.
    """
    find_row = partial(get_source_row, source_id=source_id, lock=True)
    return await rotate_signing_secret(
        system, scope, PLACE, find_row, EventSecret, "make event secret", "source"
    )


async def delete_event_secret(system: AppContext, scope: Scope, source_id: UUID) -> None:
    """Delete the secrets of a source, the previous one included; it accepts no more events.

    Raises:
        NotFound: the source does not exist.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_source_row(scope, tx, source_id, lock=True)
        if row.event_secrets is not None:
            row.event_secrets = None
            tx.audit("end event secret", "source", row.id, row.project_id)


def list_event_secrets(
    system: AppContext, sealed: bytes | None, source_id: UUID, now: datetime
) -> Sequence[str]:
    """List the secrets that are valid now for events of a source, the newest first.

    Raises:
        DecryptionError: the stored secrets cannot be decrypted.
    """
    return list_secrets(system, PLACE, source_id, sealed, now)
