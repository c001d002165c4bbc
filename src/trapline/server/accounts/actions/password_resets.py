"""Links for a new password by e-mail, which users request without signing in."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import structlog

from trapline.server.accounts.actions.auth import ANONYMOUS
from trapline.server.accounts.actions.one_time_links import LIFETIMES, create_link
from trapline.server.accounts.queries.accounts import find_user_by_email, get_user_row
from trapline.server.accounts.queries.sign_in_failures import SignInAttempt, count_attempt
from trapline.server.accounts.rules.login_backoff import ADDRESS, RESET_OF_ACCOUNT
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.background_tasks import enqueue_background_task
from trapline.server.platform.errors import NotFound, TooManyRequests
from trapline.server.platform.network.client_network import get_network
from trapline.server.platform.network.email_sender import EmailMessage, send_email

log = structlog.get_logger(__name__)

SEND_RESET = "send_password_reset"
SEND_WITHIN = timedelta(hours=1)
"""Time after which an e-mail that could not be sent is given up."""
NO_MAIL_SERVER = (
    "This Trapline sends no e-mail. Nothing was changed. Ask an operator of this Trapline for a "
    "link that sets a new password."
)


async def request_password_reset(system: AppContext, origin: RequestOrigin, email: str) -> None:
    """Request an e-mail with a link for a new password.

    The response is the same whether an account has this address: a background task looks it up.

    Raises:
        NotFound: no mail server is configured.
        TooManyRequests: too many e-mails were requested for this address, or from this network.
    """
    if system.mail_server is None:
        raise NotFound(NO_MAIL_SERVER)
    key = system.secrets.derive("sign-in failures")

    def name(*parts: str) -> bytes:
        return hmac.new(key, "\0".join(("reset", *parts)).encode(), hashlib.sha256).digest()

    network = name("address", get_network(origin.address))
    account = name("account", email.lower())
    attempt = SignInAttempt(both=network, address=network, account=b"")
    async with system.database.transaction(ANONYMOUS) as tx:
        limits = {network: ADDRESS, account: RESET_OF_ACCOUNT}
        if wait := await count_attempt(ANONYMOUS, tx, attempt, limits):
            raise TooManyRequests(
                f"Too many e-mails for a new password were requested. Wait {wait} seconds.", wait
            )
        await enqueue_background_task(
            ANONYMOUS,
            tx,
            SEND_RESET,
            email=email,
            give_up_at=(datetime.now(UTC) + SEND_WITHIN).isoformat(),
        )


async def send_password_reset(
    system: AppContext, scope: Scope, email: str, give_up_at: datetime
) -> None:
    """Create a link for a new password and send it to its account, if there is an active one.

    An account that signs in with an OpenID provider and has no password gets none.

    Raises:
        OutboundFailed: the e-mail was not sent; the next attempt creates another link.
    """
    if system.mail_server is None or datetime.now(UTC) > give_up_at:
        log.warning("an e-mail for a new password was not sent")
        return
    async with system.database.transaction(scope) as tx:
        found = await find_user_by_email(scope, tx, email)
        user = None if found is None else await get_user_row(scope, tx, found.id, lock=True)
        if user is None or user.deactivated_at is not None:
            return
        if user.password_hash is None and user.oidc_subject is not None:
            return
        purpose = "reset" if user.password_hash else "invite"
        _, link = await create_link(system, tx, purpose, user.id)
        to = user.email
    hours = LIFETIMES[purpose] // timedelta(hours=1)
    text = (
        f"A new password was requested for your account at {system.public_url}.\n\n"
        f"Choose it with this link, which works once and within {hours} hours:\n\n{link.url}\n\n"
        "If you did not request it, ignore this e-mail: your password stays the same.\n"
    )
    await send_email(
        system.mail_server,
        EmailMessage(str(uuid4()), to, "Trapline: new password", text, datetime.now(UTC)),
    )
