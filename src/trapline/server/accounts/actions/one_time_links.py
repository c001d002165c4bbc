"""One-time links: for the first owner, invitations, new passwords and sign-in."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from trapline.server.accounts.actions.auth import ANONYMOUS, CreatedSession, create_session
from trapline.server.accounts.actions.passwords import hash_password_in_thread
from trapline.server.accounts.actions.replayable_secrets import (
    generate_secret_bytes,
    replay_secret_bytes,
)
from trapline.server.accounts.queries.accounts import (
    LinkRow,
    UserRow,
    delete_sessions,
    find_first_operator,
    find_link,
    find_user_by_email,
    get_user_row,
    has_any_user,
    revoke_links,
)
from trapline.server.accounts.rules.tokens import generate_secret
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Conflict, NotFound, Unprocessable
from trapline.server.platform.secret_hash import hash_secret
from trapline.wire.auth import LinkSignInRequest, LinkState, OneTimeLink

LIFETIMES = {
    "first_owner": timedelta(hours=24),
    "sign_in": timedelta(hours=24),
    "reset": timedelta(hours=24),
    "invite": timedelta(days=7),
}
BAD_LINK = (
    "This link was used already, has expired or was replaced by a newer one. Ask the sender for a "
    "new link, or create one with `trapline link` on the server's machine."
)
NOTHING_CHOSEN = "Choose a password of at least 10 characters. The link is still valid."


async def create_first_owner_link(system: AppContext) -> str | None:
    """Create the link for the first owner's account; None if any account exists."""
    scope = Scope.system()
    async with system.database.transaction(scope) as tx:
        if await has_any_user(scope, tx):
            return None
        return (await create_link(system, tx, "first_owner", None))[0]


async def create_sign_in_link(system: AppContext, email: str | None = None) -> str:
    """Create a link that signs a user in once: by e-mail address, else the first operator.

    Raises:
        NotFound: no active account has this e-mail address.
    """
    scope = Scope.system()
    async with system.database.transaction(scope) as tx:
        user = await (
            find_user_by_email(scope, tx, email) if email else find_first_operator(scope, tx)
        )
        if user is None or user.deactivated_at is not None:
            raise NotFound("No active account was found.")
        return (await create_link(system, tx, "sign_in", user.id))[0]


async def create_link(
    system: AppContext, tx: Transaction, purpose: str, user_id: UUID | None
) -> tuple[str, OneTimeLink]:
    """Create a link; earlier links of the same user become invalid.

    Returns its secret and the link as responses contain it.
    """
    if user_id is not None:
        await revoke_links(tx.scope, tx, user_id)
    expires_at = datetime.now(UTC) + LIFETIMES[purpose]
    secret = generate_secret(generate_secret_bytes(system, tx.scope, _build_link_name(expires_at)))
    row = LinkRow(
        secret_hash=hash_secret(secret), purpose=purpose, user_id=user_id, expires_at=expires_at
    )
    tx.session.add(row)
    tx.audit("make_link", "user" if user_id else "link", user_id or purpose, purpose=purpose)
    return secret, OneTimeLink(
        url=build_link_url(system, secret), purpose=purpose, expires_at=expires_at
    )


def replay_link(system: AppContext, scope: Scope, link: OneTimeLink) -> OneTimeLink:
    """Return a link as it was created for the same request.

    Raises:
        Conflict: the secret key of the server has changed since.
    """

    def fits(strength: bytes) -> bool:
        return _hash_url(build_link_url(system, generate_secret(strength))) == link.url

    strength = replay_secret_bytes(system, scope, _build_link_name(link.expires_at), fits)
    return link.model_copy(update={"url": build_link_url(system, generate_secret(strength))})


def redact_link(link: OneTimeLink) -> OneTimeLink:
    """Replace the URL of a link by its hash, for a saved response."""
    return link.model_copy(update={"url": _hash_url(link.url)})


def _build_link_name(expires_at: datetime) -> str:
    """Name a link by its expiry to the microsecond, which is unique within a request."""
    return expires_at.astimezone(UTC).isoformat(timespec="microseconds")


def _hash_url(url: str) -> str:
    return hash_secret(url).hex()


def build_link_url(system: AppContext, secret: str) -> str:
    """Build the URL of a link; browsers send the part after "#" to no server."""
    return f"{system.public_url}/welcome#{secret}"


async def get_link(system: AppContext, link: str) -> LinkState:
    """Return the purpose of a one-time link without using it.

    Raises:
        NotFound: the link is unknown, used or expired.
    """
    async with system.database.transaction(ANONYMOUS) as tx:
        row = await find_link(ANONYMOUS, tx, hash_secret(link))
        if row is None:
            raise NotFound(BAD_LINK)
        user = await get_user_row(ANONYMOUS, tx, row.user_id) if row.user_id else None
        return LinkState(
            purpose=row.purpose,
            expires_at=row.expires_at,
            email=user.email if user else None,
            name=user.name if user else None,
        )


async def use_link(
    system: AppContext, origin: RequestOrigin, given: LinkSignInRequest
) -> CreatedSession:
    """Sign in by a one-time link, which creates the first owner's account or sets a password.

    Raises:
        NotFound: the link is unknown, used or expired.
        Unprocessable: the link requires a password or an e-mail address.
        Conflict: the first owner's account exists.
    """
    state = await get_link(system, given.link)
    if given.password is None and state.purpose != "sign_in":
        raise Unprocessable(NOTHING_CHOSEN)
    password_hash = (
        await hash_password_in_thread(system, given.password) if given.password else None
    )
    scope = Scope(actor="link", origin=origin)
    async with system.database.transaction(scope) as tx:
        if state.purpose == "first_owner":
            user = await _create_owner(scope, tx, given, password_hash)
        else:
            user = await _lock_link_user(scope, tx, given.link)
        link = await find_link(scope, tx, hash_secret(given.link), lock=True)
        if link is None:
            raise NotFound(BAD_LINK)
        link.used_at = datetime.now(UTC)
        if password_hash is not None and link.purpose != "first_owner":
            user.password_hash = password_hash
            user.name = given.name or user.name
            user.updated_at = datetime.now(UTC)
            tx.audit(
                "set_password",
                "user",
                user.id,
                by=link.purpose,
                sessions=await delete_sessions(scope, tx, user.id),
            )
        return await create_session(system, tx, user, origin)


async def _create_owner(
    scope: Scope, tx: Transaction, given: LinkSignInRequest, password_hash: str | None
) -> UserRow:
    if given.email is None:
        raise Unprocessable("Choose an e-mail address and a password of at least 10 characters.")
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('the first owner', 2))")
    if await has_any_user(scope, tx):
        raise Conflict("The owner's account exists already. Sign in, or ask the owner for a link.")
    user = UserRow(
        email=given.email, name=given.name or "", password_hash=password_hash, is_operator=True
    )
    tx.session.add(user)
    await tx.session.flush()
    tx.audit("make_owner", "user", user.id)
    return user


async def _lock_link_user(scope: Scope, tx: Transaction, secret: str) -> UserRow:
    """Find the user of a link and lock the user first, as all code does that ends links."""
    link = await find_link(scope, tx, hash_secret(secret))
    if link is None or link.user_id is None:
        raise NotFound(BAD_LINK)
    user = await get_user_row(scope, tx, link.user_id, lock=True)
    if user.deactivated_at is not None:
        raise NotFound(BAD_LINK)
    return user
