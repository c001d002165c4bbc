"""Secrets that sign pushed events: made, changed with a day for both, ended."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from trapline.server.actions.signing_secrets import exchange_secret, list_secrets, mark_of, tell_again
from trapline.server.db.idempotency import find_answer, keep_answer
from trapline.server.db.sealed import Place
from trapline.server.db.sources import get_source
from trapline.server.rules.access import Scope
from trapline.server.system import System
from trapline.wire.pushed import EventSecret

PLACE = Place("pull_sources", "event_secrets")


async def make_event_secret(system: System, scope: Scope, source_id: UUID) -> EventSecret:
    """Make the secret of a source's events; the one before holds for another day. Raises NotFound, Forbidden."""
    async with system.database.transaction(scope) as tx:
        done = await find_answer(scope, tx, EventSecret)
        row = await get_source(scope, tx, source_id, lock=True)
        now = datetime.now(UTC)
        if done is not None:
            secret = tell_again(system, PLACE, row.id, row.event_secrets, done.secret, now)
            return done.model_copy(update={"secret": secret})
        secret, until, row.event_secrets = exchange_secret(system, PLACE, row.id, row.event_secrets, now)
        tx.audit("make event secret", "source", row.id, row.project_id)
        keep_answer(scope, tx, EventSecret(secret=mark_of(secret), previous_until=until))
    return EventSecret(secret=secret, previous_until=until)


async def end_event_secret(system: System, scope: Scope, source_id: UUID) -> None:
    """Take no events of a source any more: its secrets, the one before too, hold no longer. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_source(scope, tx, source_id, lock=True)
        if row.event_secrets is not None:
            row.event_secrets = None
            tx.audit("end event secret", "source", row.id, row.project_id)


def list_event_secrets(system: System, sealed: bytes | None, source_id: UUID, now: datetime) -> Sequence[str]:
    """List the secrets that sign a source's events now, the newest first. Raises WrongKey."""
    return list_secrets(system, PLACE, source_id, sealed, now)
