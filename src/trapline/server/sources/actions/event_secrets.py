"""Secrets that sign pushed events: made, changed with a day for both, ended."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from trapline.server.notifications.actions.signing_secrets import (
    list_secrets,
    rotate_signing_secret,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.vault import SecretColumn
from trapline.server.sources.queries.sources import get_source_row
from trapline.wire.pushed_events import EventSecret

PLACE = SecretColumn("pull_sources", "event_secrets")


async def create_event_secret(system: AppContext, scope: Scope, source_id: UUID) -> EventSecret:
    """Make the secret of a source's events; the one before holds for another day.

    Raises NotFound, Forbidden.
    """
    find_row = partial(get_source_row, source_id=source_id, lock=True)
    return await rotate_signing_secret(
        system, scope, PLACE, find_row, EventSecret, "make event secret", "source"
    )


async def delete_event_secret(system: AppContext, scope: Scope, source_id: UUID) -> None:
    """Take no events of a source any more: its secrets, the one before too, hold no longer.

    Raises NotFound.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_source_row(scope, tx, source_id, lock=True)
        if row.event_secrets is not None:
            row.event_secrets = None
            tx.audit("end event secret", "source", row.id, row.project_id)


def list_event_secrets(
    system: AppContext, sealed: bytes | None, source_id: UUID, now: datetime
) -> Sequence[str]:
    """List the secrets that sign a source's events now, the newest first. Raises WrongKey."""
    return list_secrets(system, PLACE, source_id, sealed, now)
