"""Sign in by the organisation's OpenID provider: the way there and back, and whose account somebody has here."""

import hashlib
import hmac
import time
from datetime import UTC, datetime

import structlog

from trapline.server.accounts.actions.auth import NOBODY, CreatedSession, create_session
from trapline.server.accounts.queries.accounts import (
    UserRow,
    find_user_by_email,
    find_user_by_subject,
    get_user_row,
)
from trapline.server.accounts.queries.sign_in_failures import (
    SignInAttempt,
    count_attempt,
    undo_attempt,
)
from trapline.server.accounts.rules.login_backoff import ADDRESS
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import (
    Forbidden,
    NotFound,
    OidcProviderUnavailable,
    TooManyRequests,
    TraplineError,
    Unauthenticated,
)
from trapline.server.platform.network.client_network import get_network
from trapline.server.platform.network.oidc_provider import OidcProvider
from trapline.server.platform.network.oidc_tokens import (
    BEGIN_AGAIN,
    create_oidc_state,
    find_verified_email,
    parse_oidc_state,
)
from trapline.wire.oidc import OidcCallback, OidcMethod, OidcRedirect, SignInMethods

log = structlog.get_logger(__name__)

RETURN_PATH = "/sign-in/oidc"
NO_EMAIL = (
    "Your organisation's sign-in does not report a verified e-mail address, so your account here cannot be found. "
    "You are not signed in. Contact your operator, or use a password."
)
UNKNOWN = (
    "You are known to your organisation, but have no account here with the e-mail address {}. You are not signed in. "
    "Ask an owner of your project, or an operator of this Trapline, to invite you first."
)
SOMEBODY_ELSE = (
    "The account here with your e-mail address belongs to another account of your organisation. You are not signed in. "
    "If both are yours, ask an operator of this Trapline to unlink it."
)
DEACTIVATED = (
    "Your account here is deactivated. You are not signed in. Ask an operator of this Trapline."
)


def list_sign_in_methods(system: AppContext) -> SignInMethods:
    """How people sign in here."""
    provider = system.identity_provider
    return SignInMethods(oidc=OidcMethod(name=provider.name) if provider else None)


async def begin_sign_in(system: AppContext) -> tuple[OidcRedirect, str]:
    """Begin to sign in; answers where to go, and the cookie that this attempt is known by.

    Raises NotFound, ProviderAway.
    """
    provider = _get_provider(system)
    journey, cookie = create_oidc_state(system.secrets.derive("oidc"), time.time())
    return OidcRedirect(
        url=await provider.make_address(journey, system.public_url + RETURN_PATH)
    ), cookie


async def finish_sign_in(
    system: AppContext, origin: RequestOrigin, given: OidcCallback, cookie: str | None
) -> CreatedSession:
    """Sign in somebody who came back from the provider.

    Raises Unauthenticated, Forbidden for who has no account here, TooMany, ProviderAway, NotFound.
    """
    provider = _get_provider(system)
    attempt = await _count(system, origin)
    try:
        journey = parse_oidc_state(system.secrets.derive("oidc"), cookie, given.state, time.time())
        if given.code is None:
            raise Unauthenticated(f"Your organisation did not sign you in. {BEGIN_AGAIN}")
        claims = await provider.exchange(given.code, journey, system.public_url + RETURN_PATH)
        issuer, subject, email = claims["iss"], claims["sub"], find_verified_email(claims)
        async with system.database.transaction(NOBODY) as tx:
            found = await _find_account(tx, issuer, subject, email)
        async with system.database.transaction(
            Scope(actor=f"user:{found.id}", origin=origin)
        ) as tx:
            # Meanwhile it can be deactivated, or linked to somebody else.
            user = await get_user_row(NOBODY, tx, found.id, lock=True)
            _link(tx, user, issuer, subject)
            await undo_attempt(NOBODY, tx, attempt)
            return await create_session(system, tx, user, origin)
    except OidcProviderUnavailable:
        async with system.database.transaction(NOBODY) as tx:
            await undo_attempt(NOBODY, tx, attempt)
        raise
    except TraplineError as error:
        log.warning(
            "somebody was not signed in by OIDC", address=origin.address, why=type(error).__name__
        )
        raise


def _get_provider(system: AppContext) -> OidcProvider:
    if system.identity_provider is None:
        raise NotFound(
            "This Trapline has no OpenID provider. Sign in by password, or by a one-time link."
        )
    return system.identity_provider


async def _count(system: AppContext, origin: RequestOrigin) -> SignInAttempt:
    """Count an attempt of this address, of which password attempts are a part, too.

    Raises TooMany.
    """
    key = system.secrets.derive("sign-in failures")
    address = hmac.new(
        key, f"address\0{get_network(origin.address)}".encode(), hashlib.sha256
    ).digest()
    attempt = SignInAttempt(both=address, address=address, account=b"")
    async with system.database.transaction(NOBODY) as tx:
        wait = await count_attempt(NOBODY, tx, attempt, {address: ADDRESS})
        if wait:
            raise TooManyRequests(
                f"Too many attempts failed. Wait {wait} seconds, then begin again.", wait
            )
    return attempt


async def _find_account(tx: Transaction, issuer: str, subject: str, email: str | None) -> UserRow:
    """Whose account it is: the one that is linked, else the one with this verified e-mail address.

    Nobody is made.
    """
    found = await find_user_by_subject(NOBODY, tx, issuer, subject)
    if found is not None:
        return found
    if email is None:
        raise Forbidden(NO_EMAIL)
    found = await find_user_by_email(NOBODY, tx, email)
    if found is None:
        raise Forbidden(UNKNOWN.format(email))
    return found


def _link(tx: Transaction, user: UserRow, issuer: str, subject: str) -> None:
    """Link an account with whom the provider names, from now on whatever their e-mail address.

    Raises Forbidden.
    """
    if user.deactivated_at is not None:
        raise Forbidden(DEACTIVATED)
    if (user.oidc_issuer, user.oidc_subject) == (issuer, subject):
        return
    if user.oidc_issuer == issuer:
        raise Forbidden(SOMEBODY_ELSE)
    user.oidc_issuer, user.oidc_subject = issuer, subject
    user.updated_at = datetime.now(UTC)
    tx.audit("link_oidc", "user", user.id, issuer=issuer)
