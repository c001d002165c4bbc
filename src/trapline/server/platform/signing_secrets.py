"""Signing secrets: encrypted in a row, and rotated with a day in which old and new are valid."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.vault import SecretColumn, decrypt_secret, encrypt_secret
from trapline.server.platform.webhook_signatures import generate_secret
from trapline.wire.pushed_events import EventSecret
from trapline.wire.webhooks import WebhookSecret

OVERLAP = timedelta(days=1)
"""Time for which the previous secret remains valid after a rotation."""

REPLAY_PERIOD = timedelta(minutes=10)
"""Time for which a repeated request gets the same secret again: its first response may be lost."""

SecretResponse = TypeVar("SecretResponse", WebhookSecret, EventSecret)


class SecretOwner(Protocol):
    """A row with a column that holds an encrypted signing secret."""

    @property
    def id(self) -> UUID:
        """The ID of the row, which the encryption is bound to."""

    @property
    def project_id(self) -> int:
        """The project in whose audit log a rotation is recorded."""


FindRow = Callable[[Scope, Transaction], Awaitable[SecretOwner]]


class RotatedSecret(NamedTuple):
    """A new secret, the end of the validity of the previous one, and both in encrypted form."""

    secret: str
    previous_until: datetime | None
    sealed: bytes


async def rotate_signing_secret(
    system: AppContext,
    scope: Scope,
    place: SecretColumn,
    find_row: FindRow,
    form: type[SecretResponse],
    action: str,
    kind: str,
) -> SecretResponse:
    """Replace the secret of a row; the previous secret is valid for another day.

    `action` and `kind` are recorded in the audit log. A request that is repeated with the same
    Idempotency-Key returns the same secret.

    Raises:
        DecryptionError: the stored secret cannot be decrypted.
        NotFound, Forbidden: from `find_row`.
    """
    async with system.database.transaction(scope) as tx:
        saved = await find_saved_response(scope, tx, form)
        row = await find_row(scope, tx)
        now = datetime.now(UTC)
        sealed = getattr(row, place.column)
        if saved is not None:
            secret = replay_secret(system, place, row.id, sealed, saved.secret, now)
            return saved.model_copy(update={"secret": secret})
        secret, until, sealed = replace_secret(system, place, row.id, sealed, now)
        setattr(row, place.column, sealed)
        tx.audit(action, kind, row.id, row.project_id)
        save_response(scope, tx, form(secret=build_placeholder(secret), previous_until=until))
    return form(secret=secret, previous_until=until)


def replace_secret(
    system: AppContext, place: SecretColumn, row_id: UUID, sealed: bytes | None, now: datetime
) -> RotatedSecret:
    """Generate a secret for a row; the present secret, if any, is valid for another day.

    Raises:
        DecryptionError: the stored secret cannot be decrypted.
    """
    secret = generate_secret()
    stored: dict[str, object] = {"current": secret, "made_at": now.timestamp()}
    until = None
    if previous := _decrypt(system, place, row_id, sealed).get("current"):
        until = now + OVERLAP
        stored |= {"previous": previous, "previous_until": until.timestamp()}
    return RotatedSecret(
        secret,
        until,
        encrypt_secret(system.secrets, json.dumps(stored), place.table, row_id, place.column),
    )


def list_secrets(
    system: AppContext, place: SecretColumn, row_id: UUID, sealed: bytes | None, now: datetime
) -> Sequence[str]:
    """List the secrets that are valid now, the newest first.

    Raises:
        DecryptionError: the stored secret cannot be decrypted.
    """
    stored = _decrypt(system, place, row_id, sealed)
    secrets = [str(stored["current"])] if "current" in stored else []
    if "previous" in stored and now.timestamp() < float(str(stored["previous_until"])):
        secrets.append(str(stored["previous"]))
    return secrets


def build_placeholder(secret: str) -> str:
    """Hash a secret, to store in its place in the saved response of a request."""
    return hashlib.sha256(secret.encode()).hexdigest()


def replay_secret(
    system: AppContext,
    place: SecretColumn,
    row_id: UUID,
    sealed: bytes | None,
    placeholder: str,
    now: datetime,
) -> str:
    """Return the secret of a repeated request.

    It is empty after REPLAY_PERIOD, or if the secret was replaced meanwhile.

    Raises:
        DecryptionError: the stored secret cannot be decrypted.
    """
    stored = _decrypt(system, place, row_id, sealed)
    secret, created_at = str(stored.get("current", "")), float(str(stored.get("made_at", 0)))
    is_fresh = now.timestamp() - created_at < REPLAY_PERIOD.total_seconds()
    return (
        secret if is_fresh and hmac.compare_digest(build_placeholder(secret), placeholder) else ""
    )


def _decrypt(
    system: AppContext, place: SecretColumn, row_id: UUID, sealed: bytes | None
) -> dict[str, object]:
    if sealed is None:
        return {}
    stored: dict[str, object] = json.loads(
        decrypt_secret(system.secrets, sealed, place.table, row_id, place.column)
    )
    return stored
