"""Sign in and out, one-time links, and who is behind a request."""

import asyncio
import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from trapline.server.db.base import Transaction
from trapline.server.db.people import (
    LinkRow,
    SessionRow,
    UserRow,
    end_session,
    find_link,
    find_live_token,
    find_operator,
    find_session,
    find_user_by_email,
    get_user,
    has_any_user,
    list_roles,
    note_use,
)
from trapline.server.db.projects import list_names
from trapline.server.errors import Conflict, NotFound, Unauthenticated, Unprocessable
from trapline.server.rules.access import Origin, Scope, reach_of
from trapline.server.rules.passwords import hash_password, is_password
from trapline.server.rules.tokens import ParsedToken, find_parsed, hash_secret, make_secret
from trapline.server.system import System
from trapline.wire.auth import Caller, LinkState, LinkUse, Membership, SignIn, TokenKind

SESSION_LIFETIME = timedelta(days=30)
LINK_LIFETIME = timedelta(hours=24)
NOBODY = Scope(actor="nobody")
BAD_LINK = "This link was used already or is too old. `trapline link` on the server makes a new one."
BAD_TOKEN = "This API token is not known, has expired or was revoked. Make a new one on the page, or with `trapline token create`."  # noqa: S105, E501 - words, no secret


@dataclass(frozen=True)
class SignedIn:
    """A person just signed in: the cookie's secret is told this once."""

    secret: str
    caller: Caller


async def scope_of_session(system: System, secret: str, origin: Origin) -> Scope | None:
    """Find whom a session's cookie stands for; None where the session is over."""
    async with system.database.transaction(NOBODY) as tx:
        found = await find_session(NOBODY, tx, hash_secret(secret))
        if found is None:
            return None
        session, user = found
        if datetime.now(UTC) - session.last_seen_at > timedelta(minutes=5):
            session.last_seen_at = datetime.now(UTC)
        return await _scope_of_user(tx, user, origin)


async def scope_of_token(system: System, token: str, origin: Origin) -> Scope:
    """Find whom an API token stands for. Raises Unauthenticated."""
    parsed = find_parsed(token)
    if parsed is None:
        raise Unauthenticated(BAD_TOKEN)
    known = system.known.callers.find((parsed.prefix, parsed.secret_hash))
    if known is not None:
        return replace(known, origin=origin)
    scope = await _look_up(system, parsed, origin)
    if scope.kind == TokenKind.WORKER:
        # They call often and make nothing that they must see at once.
        system.known.callers.keep((parsed.prefix, parsed.secret_hash), scope)
    return scope


async def _look_up(system: System, parsed: ParsedToken, origin: Origin) -> Scope:
    async with system.database.line(NOBODY, each_alone=True) as tx:
        row = await find_live_token(NOBODY, tx, parsed.prefix)
        if row is None or not hmac.compare_digest(row.secret_hash, parsed.secret_hash):
            raise Unauthenticated(BAD_TOKEN)
        if row.is_long_unused:
            await note_use(NOBODY, tx, row.id)
    kind, roles = TokenKind(row.kind), row.roles
    if not row.every_project:
        if not row.has_live_user:
            raise Unauthenticated(BAD_TOKEN)
        roles = reach_of(kind, roles)
    if row.project_ids is not None:
        roles = {project: role for project, role in roles.items() if project in row.project_ids}
    return Scope(actor=f"token:{row.id}", roles=roles, kind=kind, user_id=row.user_id, token_id=row.id, origin=origin)


async def _scope_of_user(tx: Transaction, user: UserRow, origin: Origin) -> Scope:
    return Scope(
        actor=f"user:{user.id}",
        roles=await list_roles(NOBODY, tx, user.id),
        user_id=user.id,
        is_operator=user.is_operator,
        origin=origin,
    )


def csrf_token(system: System, session_secret: str) -> str:
    """Make the token that a page must send along with every change made under a session."""
    return hmac.new(system.secrets.derive("csrf"), session_secret.encode(), hashlib.sha256).hexdigest()


async def sign_in(system: System, origin: Origin, given: SignIn) -> SignedIn:
    """Sign in by e-mail and password. Raises Unauthenticated with the same words whichever is wrong."""
    async with system.database.transaction(NOBODY) as tx:
        user = await find_user_by_email(NOBODY, tx, given.email)
    fits = await asyncio.to_thread(is_password, given.password, user.password_hash if user else None)
    if user is None or not fits or user.deactivated_at is not None:
        raise Unauthenticated("This e-mail address and password do not belong together.")
    async with system.database.transaction(Scope(actor=f"user:{user.id}", origin=origin)) as tx:
        return await _begin_session(system, tx, user, origin)


async def _begin_session(system: System, tx: Transaction, user: UserRow, origin: Origin) -> SignedIn:
    secret = make_secret()
    now = datetime.now(UTC)
    session = SessionRow(
        user_id=user.id,
        secret_hash=hash_secret(secret),
        user_agent=origin.user_agent[:300],
        address=origin.address,
        expires_at=now + SESSION_LIFETIME,
    )
    tx.session.add(session)
    await tx.session.flush()
    tx.audit("sign_in", "session", session.id)
    scope = await _scope_of_user(tx, user, origin)
    return SignedIn(secret, await _describe(tx, scope, user, csrf_token(system, secret)))


async def sign_out(system: System, scope: Scope, secret: str) -> None:
    """End this session."""
    async with system.database.transaction(scope) as tx:
        await end_session(scope, tx, hash_secret(secret))
        tx.audit("sign_out", "session", scope.actor)


async def show_caller(system: System, scope: Scope, session_secret: str | None) -> Caller:
    """Tell who is behind this request."""
    async with system.database.transaction(scope) as tx:
        user = await get_user(scope, tx, scope.user_id) if scope.user_id else None
        return await _describe(tx, scope, user, csrf_token(system, session_secret) if session_secret else None)


async def _describe(tx: Transaction, scope: Scope, user: UserRow | None, csrf: str | None) -> Caller:
    names = await list_names(scope, tx)
    return Caller(
        kind=f"{scope.kind}_token" if scope.kind else "person",
        user_id=user.id if user else None,
        email=user.email if user else None,
        name=user.name if user else None,
        is_operator=scope.is_operator,
        memberships=[
            Membership(project_id=project, project_name=names[project], role=role)
            for project, role in sorted(scope.roles.items())
            if project in names
        ],
        csrf_token=csrf,
    )


async def make_first_link(system: System) -> str | None:
    """Make the link that makes the owner's account; None where somebody has an account already."""
    scope = Scope.system()
    async with system.database.transaction(scope) as tx:
        if await has_any_user(scope, tx):
            return None
        return _add_link(tx, "first_owner", None)


async def make_sign_in_link(system: System, email: str | None = None) -> str:
    """Make a link that signs a person in once: the one with this e-mail, else the first operator. Raises NotFound."""
    scope = Scope.system()
    async with system.database.transaction(scope) as tx:
        user = await (find_user_by_email(scope, tx, email) if email else find_operator(scope, tx))
        if user is None:
            raise NotFound("Nobody has that account.")
        return _add_link(tx, "sign_in", user.id)


def _add_link(tx: Transaction, purpose: str, user_id: UUID | None) -> str:
    secret = make_secret()
    tx.session.add(
        LinkRow(
            secret_hash=hash_secret(secret),
            purpose=purpose,
            user_id=user_id,
            expires_at=datetime.now(UTC) + LINK_LIFETIME,
        )
    )
    tx.audit("make_link", "link", purpose)
    return secret


async def show_link(system: System, link: str) -> LinkState:
    """Tell what a one-time link is for, without using it. Raises NotFound."""
    async with system.database.transaction(NOBODY) as tx:
        row = await find_link(NOBODY, tx, hash_secret(link))
        if row is None:
            raise NotFound(BAD_LINK)
        return LinkState(purpose=row.purpose, expires_at=row.expires_at)


async def use_link(system: System, origin: Origin, given: LinkUse) -> SignedIn:
    """Sign in by a one-time link; the first one makes the owner's account. Raises NotFound, Unprocessable, Conflict."""
    password_hash = await asyncio.to_thread(hash_password, given.password) if given.password else None
    scope = Scope(actor="link", origin=origin)
    async with system.database.transaction(scope) as tx:
        link = await find_link(scope, tx, hash_secret(given.link), lock=True)
        if link is None:
            raise NotFound(BAD_LINK)
        if link.purpose == "first_owner":
            if given.email is None or password_hash is None:
                raise Unprocessable("Choose an e-mail address and a password of at least 10 characters.")
            if await has_any_user(scope, tx):
                raise Conflict("Somebody has made the owner's account already. Sign in, or ask them for a link.")
            user = UserRow(email=given.email, name=given.name or "", password_hash=password_hash, is_operator=True)
            tx.session.add(user)
            await tx.session.flush()
            tx.audit("make_owner", "user", user.id)
        else:
            assert link.user_id is not None
            user = await get_user(scope, tx, link.user_id)
        link.used_at = datetime.now(UTC)
        return await _begin_session(system, tx, user, origin)
