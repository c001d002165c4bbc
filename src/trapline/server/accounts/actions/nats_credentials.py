"""Credentials with which workers subscribe to hints on the NATS server of the installation."""

import hashlib
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trapline.server.accounts.queries.accounts import TokenRow
from trapline.server.platform.access import Scope, list_token_projects
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Unprocessable
from trapline.server.platform.network.nats_credentials import (
    HINT_PREFIX,
    NatsSubscriber,
    build_credentials,
)
from trapline.wire.auth import NewToken, TokenKind

LONGEST = timedelta(days=365)
"""The longest lifetime: a NATS server does not learn that a token was revoked."""
EVERY_PROJECT = "*"


def require_nats_credentials(system: AppContext, new: NewToken) -> None:
    """Require that this server can issue credentials for a new token, if it asks for them.

    Raises:
        Unprocessable: the token is not of a worker, or the server has no account of NATS.
    """
    if not new.nats:
        return
    if new.kind is not TokenKind.WORKER:
        raise Unprocessable(
            "Only tokens of workers have credentials for NATS. No token was created. Leave nats "
            "out, or select the kind worker."
        )
    if system.nats_account is None:
        raise Unprocessable(
            "This server issues no credentials for NATS, because TRAPLINE_NATS_ACCOUNT_SEED is not "
            "set. No token was created. Leave nats out: workers get hints through the API."
        )


def issue_nats_credentials(
    system: AppContext, scope: Scope, new: NewToken, row: TokenRow, secret: str
) -> str | None:
    """Issue credentials that may subscribe to the tasks of the token's projects; None if unwanted.

    They are derived from the token's secret, so that a repeated request returns the same ones.
    """
    if not new.nats or system.nats_account is None:
        return None
    if row.project_ids is not None:
        projects = [str(project) for project in sorted(row.project_ids)]
    elif row.every_project:
        projects = [EVERY_PROJECT]
    else:
        projects = [str(key) for key in sorted(list_token_projects(new.kind, scope.roles))]
    seed = hashlib.blake2b(secret.encode(), digest_size=32, person=b"nats user").digest()
    last = row.created_at + LONGEST
    subscriber = NatsSubscriber(
        name=f"tl_{row.kind}_{row.prefix}",
        subjects=[f"{HINT_PREFIX}.{project}.tasks.>" for project in projects],
        issued_at=row.created_at,
        expires_at=last if row.expires_at is None else min(last, row.expires_at),
    )
    return build_credentials(
        system.nats_account, Ed25519PrivateKey.from_private_bytes(seed), subscriber
    )
