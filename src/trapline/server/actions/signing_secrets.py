"""Secrets that sign webhooks, in both directions: sealed in a row, changed with a day for both."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from trapline.server.db.sealed import Place
from trapline.server.rules.webhooks import make_secret
from trapline.server.system import System
from trapline.server.vault import seal, unseal

BOTH_FOR = timedelta(days=1)


class Exchanged(NamedTuple):
    """A new secret, until when the one before holds too, and both as they are kept."""

    secret: str
    previous_until: datetime | None
    sealed: bytes


def exchange_secret(system: System, place: Place, row_id: UUID, sealed: bytes | None, now: datetime) -> Exchanged:
    """Make a secret in the place of the present one, if there is one, which holds for another day. Raises WrongKey."""
    secret = make_secret()
    kept: dict[str, object] = {"current": secret}
    until = None
    if old := _open(system, place, row_id, sealed).get("current"):
        until = now + BOTH_FOR
        kept |= {"previous": old, "previous_until": until.timestamp()}
    return Exchanged(secret, until, seal(system.secrets, json.dumps(kept), place.table, row_id, place.column))


def list_secrets(system: System, place: Place, row_id: UUID, sealed: bytes | None, now: datetime) -> Sequence[str]:
    """List the secrets that hold now, the newest first. Raises WrongKey."""
    kept = _open(system, place, row_id, sealed)
    secrets = [str(kept["current"])] if "current" in kept else []
    if "previous" in kept and now.timestamp() < float(str(kept["previous_until"])):
        secrets.append(str(kept["previous"]))
    return secrets


def _open(system: System, place: Place, row_id: UUID, sealed: bytes | None) -> dict[str, object]:
    if sealed is None:
        return {}
    opened: dict[str, object] = json.loads(unseal(system.secrets, sealed, place.table, row_id, place.column))
    return opened
