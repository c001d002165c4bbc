"""Sign-in by the organisation's OpenID provider: redirect, callback and account lookup."""

import hashlib
import hmac
import time
from datetime import UTC, datetime

import structlog

from trapline.server.accounts.actions.auth import ANONYMOUS, CreatedSession, create_session
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
    "The sign-in of your organisation does not report a verified e-mail address, so your account "
    "cannot be found. You are not signed in. Contact your operator, or use a password."
)
UNKNOWN = (
    "Your organisation signed you in, but no account here has the e-mail address {}. You are not "
    "signed in. Ask an owner of your project, or an operator of this Trapline, to invite you first."
)
OTHER_ACCOUNT = (
    "The account here with your e-mail address is linked to another account of your organisation. "
    "You are not signed in. If both are yours, ask an operator of this Trapline to unlink it."
)
DEACTIVATED = (
    "Your account here is deactivated. You are not signed in. Ask an operator of this Trapline."
)


def list_sign_in_methods(system: AppContext) -> SignInMethods:
    """List the methods to sign in."""
    provider = system.identity_provider
    return SignInMethods(
        oidc=OidcMethod(name=provider.name) if provider else None,
        password_reset=system.mail_server is not None,
    )


async def begin_sign_in(system: AppContext) -> tuple[OidcRedirect, str]:
    """Start a sign-in; return the URL of the provider and the cookie of this attempt.

    Raises:
        NotFound: no provider is configured.
        OidcProviderUnavailable: the provider does not answer.
    """
    provider = _get_provider(system)
    journey, cookie = create_oidc_state(system.secrets.derive("oidc"), time.time())
    return OidcRedirect(
        url=await provider.build_authorization_url(journey, system.public_url + RETURN_PATH)
    ), cookie


async def finish_sign_in(
    system: AppContext, origin: RequestOrigin, given: OidcCallback, cookie: str | None
) -> CreatedSession:
    """Sign in the user whom the provider redirected back.

    Raises:
        Unauthenticated: the provider did not sign the user in, or the attempt is invalid.
        Forbidden: the user has no active account here.
        TooManyRequests: too many attempts failed from this address.
        OidcProviderUnavailable: the provider does not answer.
        NotFound: no provider is configured.
    """
    provider = _get_provider(system)
    attempt = await _count(system, origin)
    try:
        journey = parse_oidc_state(system.secrets.derive("oidc"), cookie, given.state, time.time())
        if given.code is None:
            raise Unauthenticated(f"Your organisation did not sign you in. {BEGIN_AGAIN}")
        claims = await provider.exchange(given.code, journey, system.public_url + RETURN_PATH)
        issuer, subject, email = claims["iss"], claims["sub"], find_verified_email(claims)
        async with system.database.transaction(ANONYMOUS) as tx:
            found = await _find_account(tx, issuer, subject, email)
        async with system.database.transaction(
            Scope(actor=f"user:{found.id}", origin=origin)
        ) as tx:
            # The account can be deactivated, or linked to another identity, at the same time.
            user = await get_user_row(ANONYMOUS, tx, found.id, lock=True)
            _link(tx, user, issuer, subject)
            await undo_attempt(ANONYMOUS, tx, attempt)
            return await create_session(system, tx, user, origin)
    except OidcProviderUnavailable:
        async with system.database.transaction(ANONYMOUS) as tx:
            await undo_attempt(ANONYMOUS, tx, attempt)
        raise
    except TraplineError as error:
        log.warning("OIDC sign-in refused", address=origin.address, why=type(error).__name__)
        raise


def _get_provider(system: AppContext) -> OidcProvider:
    if system.identity_provider is None:
        raise NotFound(
            "This Trapline has no OpenID provider. Sign in by password, or by a one-time link."
        )
    return system.identity_provider


async def _count(system: AppContext, origin: RequestOrigin) -> SignInAttempt:
    """Count an attempt of this address, together with its attempts by password.

    Raises:
        TooManyRequests: too many attempts failed.
    """
    key = system.secrets.derive("sign-in failures")
    address = hmac.new(
        key, f"address\0{get_network(origin.address)}".encode(), hashlib.sha256
    ).digest()
    attempt = SignInAttempt(both=address, address=address, account=b"")
    async with system.database.transaction(ANONYMOUS) as tx:
        wait = await count_attempt(ANONYMOUS, tx, attempt, {address: ADDRESS})
        if wait:
            raise TooManyRequests(
                f"Too many attempts failed. Wait {wait} seconds, then start again.", wait
            )
    return attempt


async def _find_account(tx: Transaction, issuer: str, subject: str, email: str | None) -> UserRow:
    """Return the linked account, else the account with this verified e-mail address.

    No account is created.

    Raises:
        Forbidden: no such account exists.
    """
    found = await find_user_by_subject(ANONYMOUS, tx, issuer, subject)
    if found is not None:
        return found
    if email is None:
        raise Forbidden(NO_EMAIL)
    found = await find_user_by_email(ANONYMOUS, tx, email)
    if found is None:
        raise Forbidden(UNKNOWN.format(email))
    return found


def _link(tx: Transaction, user: UserRow, issuer: str, subject: str) -> None:
    """Link an account to an identity of the provider, which finds it from then on.

    Raises:
        Forbidden: the account is deactivated, or linked to another identity.
    """
    if user.deactivated_at is not None:
        raise Forbidden(DEACTIVATED)
    if (user.oidc_issuer, user.oidc_subject) == (issuer, subject):
        return
    if user.oidc_issuer == issuer:
        raise Forbidden(OTHER_ACCOUNT)
    user.oidc_issuer, user.oidc_subject = issuer, subject
    user.updated_at = datetime.now(UTC)
    tx.audit("link_oidc", "user", user.id, issuer=issuer)
