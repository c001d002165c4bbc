"""Secrets that sign pushed events: made, changed with a day for both, ended."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from trapline.server.db.idempotency import find_answer, keep_answer
from trapline.server.db.sources import get_source
from trapline.server.rules.access import Scope
from trapline.server.rules.webhooks import make_secret
from trapline.server.system import System
from trapline.server.vault import seal, unseal
from trapline.wire.pushed import EventSecret

TABLE, COLUMN = "pull_sources", "event_secrets"
BOTH_FOR = timedelta(days=1)


async def make_event_secret(system: System, scope: Scope, source_id: UUID) -> EventSecret:
    """Make the secret of a source's events; the one before holds for another day. Raises NotFound, Forbidden."""
    async with system.database.transaction(scope) as tx:
        done = await find_answer(scope, tx, EventSecret)
        row = await get_source(scope, tx, source_id, lock=True)
        now = datetime.now(UTC)
        if done is not None:
            # The answer is kept without its secret; by now there may be a newer one.
            newest = list_event_secrets(system, row.event_secrets, row.id, now)[:1]
            return done.model_copy(update={"secret": newest[0] if newest else ""})
        secret = make_secret()
        kept: dict[str, object] = {"current": secret}
        until = None
        if old := _open(system, row.event_secrets, row.id).get("current"):
            until = now + BOTH_FOR
            kept |= {"previous": old, "previous_until": until.timestamp()}
        row.event_secrets = seal(system.secrets, json.dumps(kept), TABLE, row.id, COLUMN)
        tx.audit("make event secret", "source", row.id, row.project_id)
        keep_answer(scope, tx, EventSecret(secret="", previous_until=until))
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
    kept = _open(system, sealed, source_id)
    secrets = [str(kept["current"])] if "current" in kept else []
    if "previous" in kept and now.timestamp() < float(str(kept["previous_until"])):
        secrets.append(str(kept["previous"]))
    return secrets


def _open(system: System, sealed: bytes | None, source_id: UUID) -> dict[str, object]:
    if sealed is None:
        return {}
    opened: dict[str, object] = json.loads(unseal(system.secrets, sealed, TABLE, source_id, COLUMN))
    return opened
