"""Secrets that sign webhooks, in both directions: sealed in a row, changed with a day for both."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from trapline.server.notifications.queries.webhooks import WebhookRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.vault import SecretColumn, decrypt_secret, encrypt_secret
from trapline.server.platform.webhook_signatures import generate_secret
from trapline.server.sources.queries.sources import SourceRow
from trapline.wire.pushed_events import EventSecret
from trapline.wire.webhooks import WebhookSecret

BOTH_FOR = timedelta(days=1)
TOLD_AGAIN_FOR = timedelta(minutes=10)
"""How long a secret is told to whoever repeats the request that made it, because the answer may have been lost."""


Told = TypeVar("Told", WebhookSecret, EventSecret)
FindRow = Callable[[Scope, Transaction], Awaitable[WebhookRow | SourceRow]]


class RotatedSecret(NamedTuple):
    """A new secret, until when the one before holds too, and both as they are kept."""

    secret: str
    previous_until: datetime | None
    sealed: bytes


async def rotate_signing_secret(
    system: AppContext,
    scope: Scope,
    place: SecretColumn,
    find_row: FindRow,
    form: type[Told],
    done: str,
    kind: str,
) -> Told:
    """Make the secret of a row anew; the one before holds for another day. The audit says what was
    done, to what kind.

    Whoever repeats the request by its Idempotency-Key is told the same. Raises what finding the row
    does, WrongKey.
    """
    async with system.database.transaction(scope) as tx:
        told = await find_saved_response(scope, tx, form)
        row = await find_row(scope, tx)
        now = datetime.now(UTC)
        sealed = getattr(row, place.column)
        if told is not None:
            secret = replay_secret(system, place, row.id, sealed, told.secret, now)
            return told.model_copy(update={"secret": secret})
        secret, until, sealed = replace_secret(system, place, row.id, sealed, now)
        setattr(row, place.column, sealed)
        tx.audit(done, kind, row.id, row.project_id)
        save_response(scope, tx, form(secret=build_placeholder(secret), previous_until=until))
    return form(secret=secret, previous_until=until)


def replace_secret(
    system: AppContext, place: SecretColumn, row_id: UUID, sealed: bytes | None, now: datetime
) -> RotatedSecret:
    """Make a secret in the place of the present one, if there is one, which holds for another day.

    Raises WrongKey.
    """
    secret = generate_secret()
    kept: dict[str, object] = {"current": secret, "made_at": now.timestamp()}
    until = None
    if old := _open(system, place, row_id, sealed).get("current"):
        until = now + BOTH_FOR
        kept |= {"previous": old, "previous_until": until.timestamp()}
    return RotatedSecret(
        secret,
        until,
        encrypt_secret(system.secrets, json.dumps(kept), place.table, row_id, place.column),
    )


def list_secrets(
    system: AppContext, place: SecretColumn, row_id: UUID, sealed: bytes | None, now: datetime
) -> Sequence[str]:
    """List the secrets that hold now, the newest first. Raises WrongKey."""
    kept = _open(system, place, row_id, sealed)
    secrets = [str(kept["current"])] if "current" in kept else []
    if "previous" in kept and now.timestamp() < float(str(kept["previous_until"])):
        secrets.append(str(kept["previous"]))
    return secrets


def build_placeholder(secret: str) -> str:
    """Name a secret where it must not stand itself: in an answer that is kept for the same request again."""
    return hashlib.sha256(secret.encode()).hexdigest()


def replay_secret(
    system: AppContext,
    place: SecretColumn,
    row_id: UUID,
    sealed: bytes | None,
    mark: str,
    now: datetime,
) -> str:
    """Tell the secret of a repeated request: empty after some minutes, or once another was made.

    Raises WrongKey.
    """
    kept = _open(system, place, row_id, sealed)
    secret, made_at = str(kept.get("current", "")), float(str(kept.get("made_at", 0)))
    is_fresh = now.timestamp() - made_at < TOLD_AGAIN_FOR.total_seconds()
    return secret if is_fresh and hmac.compare_digest(build_placeholder(secret), mark) else ""


def _open(
    system: AppContext, place: SecretColumn, row_id: UUID, sealed: bytes | None
) -> dict[str, object]:
    if sealed is None:
        return {}
    opened: dict[str, object] = json.loads(
        decrypt_secret(system.secrets, sealed, place.table, row_id, place.column)
    )
    return opened
