"""Secrets that sign webhooks, in both directions: sealed in a row, changed with a day for both."""

import hashlib
import hmac
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
TOLD_AGAIN_FOR = timedelta(minutes=10)
"""How long a secret is told to whoever repeats the request that made it, because the answer may have been lost."""


class Exchanged(NamedTuple):
    """A new secret, until when the one before holds too, and both as they are kept."""

    secret: str
    previous_until: datetime | None
    sealed: bytes


def exchange_secret(system: System, place: Place, row_id: UUID, sealed: bytes | None, now: datetime) -> Exchanged:
    """Make a secret in the place of the present one, if there is one, which holds for another day. Raises WrongKey."""
    secret = make_secret()
    kept: dict[str, object] = {"current": secret, "made_at": now.timestamp()}
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


def mark_of(secret: str) -> str:
    """Name a secret where it must not stand itself: in an answer that is kept for the same request again."""
    return hashlib.sha256(secret.encode()).hexdigest()


def tell_again(system: System, place: Place, row_id: UUID, sealed: bytes | None, mark: str, now: datetime) -> str:
    """Tell the secret of a repeated request: empty after some minutes, or once another was made. Raises WrongKey."""
    kept = _open(system, place, row_id, sealed)
    secret, made_at = str(kept.get("current", "")), float(str(kept.get("made_at", 0)))
    is_fresh = now.timestamp() - made_at < TOLD_AGAIN_FOR.total_seconds()
    return secret if is_fresh and hmac.compare_digest(mark_of(secret), mark) else ""


def _open(system: System, place: Place, row_id: UUID, sealed: bytes | None) -> dict[str, object]:
    if sealed is None:
        return {}
    opened: dict[str, object] = json.loads(unseal(system.secrets, sealed, place.table, row_id, place.column))
    return opened
