"""Callers of requests: users with a session, and API tokens."""

import hashlib
import hmac
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from trapline.server.accounts.actions.passwords import verify_credentials
from trapline.server.accounts.queries.accounts import (
    SessionRow,
    UserRow,
    delete_session,
    find_session,
    get_user_row,
    list_actor_names,
    list_credential_states,
)
from trapline.server.accounts.queries.memberships import list_project_names, list_roles
from trapline.server.accounts.queries.sign_in_failures import undo_attempt
from trapline.server.accounts.queries.tokens import (
    ActiveToken,
    find_active_token,
    find_live_token_by_id,
    record_token_use,
)
from trapline.server.accounts.rules.tokens import (
    ParsedToken,
    find_parsed_token,
    generate_secret,
)
from trapline.server.platform.access import (
    MACHINES,
    RequestOrigin,
    Scope,
    expand_token_scopes,
    list_token_projects,
)
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Forbidden, NotFound, Unauthenticated
from trapline.server.platform.secret_hash import hash_secret
from trapline.wire.auth import Caller, Membership, Role, SignIn, TokenKind, TokenScope

SESSION_LIFETIME = timedelta(days=30)
ANONYMOUS = Scope(actor="nobody")
INVALID_CREDENTIALS = (
    "This API token is not known, has expired or was revoked. Create a new one on the page, or "
    "with `trapline token create`."
)


@dataclass(frozen=True)
class CreatedSession:
    """A new session; the secret of its cookie is returned only here."""

    secret: str
    caller: Caller


async def get_session_scope(system: AppContext, secret: str, origin: RequestOrigin) -> Scope | None:
    """Return the scope of a session's cookie; None if the session has ended."""
    async with system.database.transaction(ANONYMOUS) as tx:
        found = await find_session(ANONYMOUS, tx, hash_secret(secret))
        if found is None:
            return None
        session, user = found
        if datetime.now(UTC) - session.last_seen_at > timedelta(minutes=5):
            session.last_seen_at = datetime.now(UTC)
        return replace(await _scope_of_user(tx, user, origin), session_id=session.id)


async def get_token_scope(
    system: AppContext, token: str, origin: RequestOrigin, *, anew: bool = True
) -> Scope:
    """Return the scope of an API token.

    Scopes of workers are cached for half a second, those of other tokens only if `anew` is false.

    Raises:
        Unauthenticated: the token is unknown, expired or revoked.
    """
    parsed = find_parsed_token(token)
    if parsed is None:
        raise Unauthenticated(INVALID_CREDENTIALS)
    known = system.known.callers.get((parsed.prefix, parsed.secret_hash))
    if known is not None and not (anew and known.kind != TokenKind.WORKER):
        return replace(known, origin=origin, is_cached=True)
    scope = await _look_up(system, parsed, origin)
    # Workers call often and never depend on seeing their own changes immediately.
    if scope.kind == TokenKind.WORKER or not anew:
        system.known.callers.keep((parsed.prefix, parsed.secret_hash), scope)
    return scope


async def _look_up(system: AppContext, parsed: ParsedToken, origin: RequestOrigin) -> Scope:
    async with system.database.sql_transaction(ANONYMOUS, each_alone=True) as tx:
        row = await find_active_token(ANONYMOUS, tx, parsed.prefix)
        if row is None or not hmac.compare_digest(row.secret_hash, parsed.secret_hash):
            raise Unauthenticated(INVALID_CREDENTIALS)
        if row.is_long_unused:
            await record_token_use(ANONYMOUS, tx, row.id)
    return _scope_of_live(row, origin)


async def require_token(system: AppContext, token_id: UUID, project_id: int) -> None:
    """Require that a token still has access to a project; the answer is cached for half a second.

    Raises:
        Forbidden: the token has no access any more.
    """
    place = ("", token_id.bytes)
    scope = system.known.callers.get(place)
    try:
        if scope is None:
            async with system.database.sql_transaction(ANONYMOUS, each_alone=True) as tx:
                row = await find_live_token_by_id(ANONYMOUS, tx, token_id)
            if row is None:
                raise Unauthenticated(INVALID_CREDENTIALS)
            scope = _scope_of_live(row, RequestOrigin())
            system.known.callers.keep(place, scope)
        scope.check(project_id, Role.VIEWER)
    except (Unauthenticated, NotFound) as error:
        raise Forbidden(
            "The API token that this URL was created for has no access to the project any more. "
            "Lease the tasks again with another token."
        ) from error


async def find_actor_scope(tx: Transaction, actor: str) -> Scope | None:
    """Find the present scope of a user or token, for the background work that it started.

    The result is None if the user is deactivated, or the token expired or was revoked.
    """
    kind, _, key = actor.partition(":")
    if kind == "token":
        row = await find_live_token_by_id(ANONYMOUS, tx, UUID(key))
        try:
            return None if row is None else _scope_of_live(row, RequestOrigin())
        except Unauthenticated:
            return None
    user = await tx.session.get(UserRow, UUID(key)) if kind == "user" else None
    if user is None or user.deactivated_at is not None:
        return None
    return await _scope_of_user(tx, user, RequestOrigin())


def _scope_of_live(row: ActiveToken, origin: RequestOrigin) -> Scope:
    """Build the scope of an active token.

    Raises:
        Unauthenticated: the user of the token does not exist or is deactivated.
    """
    kind, roles = TokenKind(row.kind), row.roles
    if not row.every_project:
        if not row.has_live_user:
            raise Unauthenticated(INVALID_CREDENTIALS)
        roles = list_token_projects(kind, roles)
    if row.project_ids is not None:
        roles = {project: role for project, role in roles.items() if project in row.project_ids}
    scope = Scope(
        actor=f"token:{row.id}",
        roles=roles,
        archived=row.archived,
        kind=kind,
        user_id=row.user_id,
        token_id=row.id,
        is_limited=row.project_ids is not None,
        token_scopes=expand_token_scopes(
            None if row.scopes is None else map(TokenScope, row.scopes)
        ),
        origin=origin,
    )
    is_operator = row.is_operator and kind == TokenKind.USER and scope.is_person
    return replace(scope, is_operator=is_operator)


async def _scope_of_user(tx: Transaction, user: UserRow, origin: RequestOrigin) -> Scope:
    roles, archived = await list_roles(ANONYMOUS, tx, user.id)
    return Scope(
        actor=f"user:{user.id}",
        roles=roles,
        archived=archived,
        user_id=user.id,
        is_operator=user.is_operator,
        origin=origin,
    )


async def list_credential_versions(
    system: AppContext, callers: Collection[Hashable]
) -> Mapping[Hashable, str]:
    """Return a text for each session or token that changes when its permissions change."""
    ids = [caller for caller in callers if isinstance(caller, UUID)]
    async with system.database.sql_transaction(ANONYMOUS, each_alone=True) as tx:
        return dict(await list_credential_states(ANONYMOUS, tx, ids))


def build_csrf_token(system: AppContext, session_secret: str) -> str:
    """Build the token that the page must send with every change under a session."""
    return hmac.new(
        system.secrets.derive("csrf"), session_secret.encode(), hashlib.sha256
    ).hexdigest()


async def sign_in(system: AppContext, origin: RequestOrigin, given: SignIn) -> CreatedSession:
    """Sign in by e-mail address and password.

    Raises:
        Unauthenticated: the address or the password is wrong; the message is the same for both.
        TooManyRequests: too many attempts failed.
    """
    known = await verify_credentials(system, origin, given.email, given.password)
    async with system.database.transaction(
        Scope(actor=f"user:{known.user.id}", origin=origin)
    ) as tx:
        # The password can be changed, or the account deactivated, while the password is hashed:
        # such a change also ends this sign-in.
        user = await get_user_row(ANONYMOUS, tx, known.user.id, lock=True)
        if user.password_hash != known.user.password_hash or user.deactivated_at is not None:
            raise Unauthenticated(known.refusal)
        await undo_attempt(ANONYMOUS, tx, known.attempt)
        return await create_session(system, tx, user, origin)


async def create_session(
    system: AppContext, tx: Transaction, user: UserRow, origin: RequestOrigin
) -> CreatedSession:
    """Create a session of a user whose row is locked."""
    secret = generate_secret()
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
    return CreatedSession(
        secret, await _describe(system, tx, scope, user, build_csrf_token(system, secret))
    )


async def sign_out(system: AppContext, scope: Scope, secret: str) -> None:
    """End this session."""
    async with system.database.transaction(scope) as tx:
        await delete_session(scope, tx, hash_secret(secret))
        tx.audit("sign_out", "session", scope.actor)


async def get_caller(system: AppContext, scope: Scope, session_secret: str | None) -> Caller:
    """Return the caller of this request."""
    async with system.database.transaction(scope) as tx:
        user = await get_user_row(scope, tx, scope.user_id) if scope.user_id else None
        csrf = build_csrf_token(system, session_secret) if session_secret else None
        return await _describe(system, tx, scope, user, csrf)


async def _describe(
    system: AppContext, tx: Transaction, scope: Scope, user: UserRow | None, csrf: str | None
) -> Caller:
    names = await list_project_names(scope, tx, scope.roles)
    if scope.kind in MACHINES:
        # The token is stored on a machine, which does not need the account of its creator.
        user = None
    named = await list_actor_names(scope, tx, [scope.actor]) if scope.kind in MACHINES else {}
    return Caller(
        kind=f"{scope.kind}_token" if scope.kind else "person",
        user_id=user.id if user else None,
        email=user.email if user else None,
        name=user.name if user else named.get(scope.actor),
        is_operator=scope.is_operator,
        memberships=[
            Membership(project_id=project, project_name=names[project], role=role)
            for project, role in sorted(scope.roles.items())
            if project in names
        ],
        csrf_token=csrf,
        can_create_projects=system.may_create_projects(scope),
    )
