"""API tokens: create, list, revoke."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.accounts.actions.nats_credentials import (
    issue_nats_credentials,
    require_nats_credentials,
)
from trapline.server.accounts.actions.replayable_secrets import (
    generate_secret_bytes,
    replay_secret_bytes,
)
from trapline.server.accounts.queries.accounts import TokenRow
from trapline.server.accounts.queries.memberships import list_existing_projects
from trapline.server.accounts.queries.tokens import list_tokens, lock_token, revoke_tokens
from trapline.server.accounts.rules.tokens import find_parsed_token, generate_token
from trapline.server.platform.access import (
    ENTRUSTS,
    Scope,
    expand_token_scopes,
    list_token_projects,
)
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.errors import Forbidden, NotFound, Unauthenticated, Unprocessable
from trapline.server.platform.secret_hash import hash_secret
from trapline.wire.auth import CreatedToken, NewToken, Role, Token, TokenKind, TokenScope
from trapline.wire.values import Page


def _describe(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        kind=TokenKind(row.kind),
        prefix=f"tl_{row.kind}_{row.prefix}",
        projects=row.project_ids,
        scopes=None if row.scopes is None else [TokenScope(scope) for scope in row.scopes],
        made_by=row.made_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


async def create_token(system: AppContext, scope: Scope, new: NewToken) -> CreatedToken:
    """Create an API token for some or all of the caller's projects.

    Only the hash of the secret is stored. The secret is returned once, and again to the same
    request with its Idempotency-Key. A token created by another token has at most its projects,
    scopes and lifetime, and is revoked with it.

    Raises:
        NotFound: a project does not exist.
        Forbidden: the caller lacks the role or a scope of the token.
        Unprocessable: the expiry or the scopes are invalid.
    """
    _check_projects(scope, new)
    _require_token_scopes(scope, new)
    require_nats_credentials(system, new)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Token)
        if done is not None:
            return await _replay_token(system, scope, tx, done, new)
        if new.expires_at is not None and new.expires_at <= datetime.now(UTC):
            raise Unprocessable(
                "expires_at is in the past. No token was created. Choose a later time."
            )
        own = await lock_token(scope, tx, scope.token_id) if scope.token_id else None
        if own is not None:
            if own.revoked_at is not None:
                raise Unauthenticated(
                    "Your API token was revoked at the same time. No token was created."
                )
            new = _limit_to_creator(new, own)
        token_id = uuid7()
        secret = generate_token(new.kind, generate_secret_bytes(system, scope, str(token_id)))
        parsed = find_parsed_token(secret)
        assert parsed is not None
        row = TokenRow(
            id=token_id,
            kind=new.kind.value,
            name=new.name,
            prefix=parsed.prefix,
            secret_hash=parsed.secret_hash,
            user_id=scope.user_id,
            project_ids=new.projects,
            every_project=scope.everything or (own is not None and own.every_project),
            scopes=None if new.scopes is None else sorted(new.scopes),
            made_by=scope.token_id,
            expires_at=new.expires_at,
        )
        tx.session.add(row)
        await tx.session.flush()
        await _audit_token(
            scope, tx, "create", row, kind=new.kind.value, name=new.name, scopes=row.scopes
        )
        # The projects of the request are checked above, before the saved response is looked up.
        return CreatedToken(
            **dict(save_response(scope, tx, _describe(row), projects=())),
            token=secret,
            nats_credentials=issue_nats_credentials(system, scope, new, row, secret),
        )


async def _replay_token(
    system: AppContext, scope: Scope, tx: Transaction, done: Token, new: NewToken
) -> CreatedToken:
    """Return a created token again, with its secret.

    Raises:
        Conflict: the secret key of the server has changed since.
    """
    row = await tx.session.get(TokenRow, done.id)

    def fits(strength: bytes) -> bool:
        return (
            row is not None and hash_secret(generate_token(done.kind, strength)) == row.secret_hash
        )

    strength = replay_secret_bytes(system, scope, str(done.id), fits)
    assert row is not None, "the secret fits its hash"
    secret = generate_token(done.kind, strength)
    return CreatedToken(
        **dict(done),
        token=secret,
        nats_credentials=issue_nats_credentials(system, scope, new, row, secret),
    )


async def _audit_token(
    scope: Scope, tx: Transaction, action: str, row: TokenRow, **details: Any
) -> None:
    """Audit a change of a token in each project that it reaches, else without a project."""
    reached = list(scope.roles) if row.project_ids is None else row.project_ids
    tx.audit_each(
        await list_existing_projects(scope, tx, reached), action, "token", row.id, **details
    )


def _check_projects(scope: Scope, new: NewToken) -> None:
    # A token of a user has the permissions of the user, so any role is enough.
    needs = Role.VIEWER if new.kind == TokenKind.USER else ENTRUSTS
    for project in new.projects or []:
        scope.check(project, needs)
    if new.projects is None and scope.roles and not list_token_projects(new.kind, scope.roles):
        raise Forbidden(
            f"A token for a {new.kind} requires the role {ENTRUSTS} in a project, and you have it "
            "in none. No token was created. An owner of the project can give you that role, or "
            "create the token."
        )


def _require_token_scopes(scope: Scope, new: NewToken) -> None:
    """Require that a user token has only scopes of its creator, and other tokens name none."""
    if new.kind != TokenKind.USER:
        if new.scopes is not None:
            raise Unprocessable(
                f"Only tokens of users have scopes; the scopes of a {new.kind} are fixed. No token "
                "was created. Leave scopes out."
            )
        return
    if new.scopes == []:
        raise Unprocessable(
            "A token without scopes has no permissions. No token was created. Leave scopes out, or "
            "name one."
        )
    if new.scopes is not None and (more := expand_token_scopes(new.scopes) - scope.token_scopes):
        raise Forbidden(
            f"The token of this request does not have the scope {min(more)}. No token was created."
        )


def _limit_to_creator(new: NewToken, own: TokenRow) -> NewToken:
    """Limit a new token to the projects, scopes and lifetime of the token that creates it."""
    expires_at = new.expires_at or own.expires_at
    if expires_at is not None and own.expires_at is not None and expires_at > own.expires_at:
        raise Unprocessable(
            f"The token of this request expires at {own.expires_at:%Y-%m-%d %H:%M} UTC, and tokens "
            "that it creates cannot expire later. No token was created. Choose an earlier "
            "expires_at, or sign in to create the token."
        )
    scopes = new.scopes
    if scopes is None and new.kind == TokenKind.USER and own.scopes is not None:
        scopes = [TokenScope(scope) for scope in own.scopes]
    projects = own.project_ids if new.projects is None else new.projects
    return new.model_copy(update={"projects": projects, "expires_at": expires_at, "scopes": scopes})


async def list_own_tokens(system: AppContext, scope: Scope) -> Page[Token]:
    """List the tokens of the caller's user, newest first.

    A limited token gets itself and the tokens that descend from it.
    """
    async with system.database.transaction(scope) as tx:
        rows = await list_tokens(scope, tx)
        return Page(results=[_describe(row) for row in rows], count=len(rows))


async def revoke_token(system: AppContext, scope: Scope, token_id: UUID) -> None:
    """Revoke a token and all tokens that descend from it, with effect from the commit.

    A limited token can revoke itself and its descendants, not other tokens of its user.

    Raises:
        NotFound: the caller has no such token.
    """
    async with system.database.transaction(scope) as tx:
        if not any(row.id == token_id for row in await list_tokens(scope, tx)):
            raise NotFound
        revoked = await revoke_tokens(scope, tx, [token_id])
        for row in await list_tokens(scope, tx):
            if row.id in revoked:
                along_with = None if row.id == token_id else str(token_id)
                await _audit_token(scope, tx, "revoke", row, name=row.name, along_with=along_with)
        tx.after_commit(
            lambda: system.known.callers.delete(lambda caller: caller.token_id in revoked)
        )
