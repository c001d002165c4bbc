"""Passwords: verify with a backoff, hash a few at a time in threads, change."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from trapline.server.accounts.queries.accounts import (
    UserRow,
    delete_sessions,
    find_user_by_email,
    get_user_row,
)
from trapline.server.accounts.queries.sign_in_failures import (
    SignInAttempt,
    count_attempt,
    undo_attempt,
)
from trapline.server.accounts.rules.login_backoff import (
    ACCOUNT,
    ACCOUNT_FROM_ADDRESS,
    ADDRESS,
)
from trapline.server.accounts.rules.passwords import hash_password, verify_password
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import (
    Conflict,
    Forbidden,
    TooManyRequests,
    Unauthenticated,
    Unprocessable,
)
from trapline.server.platform.network.client_network import get_network
from trapline.wire.auth import PasswordUpdate

log = structlog.get_logger(__name__)

ANONYMOUS = Scope(actor="nobody")
REFUSAL = "The e-mail address or the password is wrong."
MOST_WAITING = 50
"""Maximum number of waiting hashes of a process; each takes about 0.25 s and 64 MiB."""


@dataclass(frozen=True)
class VerifiedUser:
    """A user whose password was verified.

    `attempt` is still counted as failed. `refusal` is the error text for a later refusal.
    """

    user: UserRow
    attempt: SignInAttempt
    refusal: str = REFUSAL


async def verify_credentials(
    system: AppContext, origin: RequestOrigin, email: str, password: str
) -> VerifiedUser:
    """Verify an e-mail address and a password and return the user.

    The attempt counts as failed until the caller undoes it. Unknown addresses are counted too, and
    take as long.

    Raises:
        Unauthenticated: the address or the password is wrong, or the account is deactivated.
        TooManyRequests: too many attempts failed, or too many passwords are being hashed.
    """
    attempt = _name_attempt(system, email, origin.address)
    async with system.database.transaction(ANONYMOUS) as tx:
        patience = {
            attempt.both: ACCOUNT_FROM_ADDRESS,
            attempt.address: ADDRESS,
            attempt.account: ACCOUNT,
        }
        wait = await count_attempt(ANONYMOUS, tx, attempt, patience)
        if wait:
            log.warning("too many failed sign-ins", address=origin.address, wait_s=wait)
            raise TooManyRequests(
                f"Too many attempts failed. Wait {wait} seconds, then try again. If you forgot the "
                "password, ask an operator of this Trapline for a link that sets a new one.",
                wait,
            )
        user = await find_user_by_email(ANONYMOUS, tx, email)
    fits = await _in_thread(
        system, lambda: verify_password(password, user.password_hash if user else None)
    )
    if user is None or not fits or user.deactivated_at is not None:
        raise Unauthenticated(REFUSAL)
    return VerifiedUser(user, attempt)


def _name_attempt(system: AppContext, email: str, address: str) -> SignInAttempt:
    key, network = system.secrets.derive("sign-in failures"), get_network(address)

    def name(*parts: str) -> bytes:
        return hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).digest()

    account = email.lower()
    return SignInAttempt(
        name("both", account, network), name("address", network), name("account", account)
    )


async def hash_password_in_thread(system: AppContext, password: str) -> str:
    """Hash a new password.

    Raises:
        TooManyRequests: too many passwords are being hashed.
    """
    hashed = await _in_thread(system, lambda: hash_password(password))
    assert isinstance(hashed, str)
    return hashed


async def _in_thread(system: AppContext, work: Callable[[], str | bool]) -> str | bool:
    if system.hashing.waiting >= MOST_WAITING:
        raise TooManyRequests(
            "Too many users sign in at the same time. Nothing was changed. Try again.", 5
        )
    async with system.hashing:
        return await asyncio.to_thread(work)


async def update_password(system: AppContext, scope: Scope, change: PasswordUpdate) -> None:
    """Set the caller's password and end the caller's other sessions.

    Raises:
        Forbidden: the caller is not a user.
        Unprocessable: the current password is wrong.
        Conflict: the password was changed at the same time.
        TooManyRequests: too many attempts failed.
    """
    if scope.user_id is None:
        raise Forbidden(
            "This API token belongs to no user, so there is no password. Nothing was changed."
        )
    async with system.database.transaction(scope) as tx:
        before = await get_user_row(scope, tx, scope.user_id)
    known = None
    if before.password_hash is not None:
        try:
            known = await verify_credentials(system, scope.origin, before.email, change.old or "")
        except Unauthenticated:
            raise Unprocessable("The current password is wrong. Nothing was changed.") from None
    password_hash = await hash_password_in_thread(system, change.new)
    async with system.database.transaction(scope) as tx:
        user = await get_user_row(scope, tx, scope.user_id, lock=True)
        if user.password_hash != before.password_hash:
            raise Conflict(
                "The password was changed at the same time. This change was not made. Try again "
                "with the new password."
            )
        user.password_hash = password_hash
        user.updated_at = datetime.now(UTC)
        if known is not None:
            await undo_attempt(scope, tx, known.attempt)
        ended = await delete_sessions(scope, tx, user.id, but=scope.session_id)
        tx.audit("set_password", "user", user.id, by="password", sessions=ended)
