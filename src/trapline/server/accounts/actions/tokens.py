"""API tokens: make, list, revoke."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.accounts.actions.replayable_secrets import (
    generate_secret_bytes,
    replay_secret_bytes,
)
from trapline.server.accounts.queries.accounts import TokenRow
from trapline.server.accounts.queries.memberships import list_existing_projects
from trapline.server.accounts.queries.tokens import list_tokens, lock_token, revoke_tokens
from trapline.server.accounts.rules.tokens import find_parsed_token, generate_token
from trapline.server.platform.access import ENTRUSTS, Scope, expand_scopes, list_token_projects
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
    """Make an API token for some or all of the caller's projects. The secret is told this once and
    never kept; the same request again, by its Idempotency-Key, is told it again.

    A token that makes another one gives on no more than it has: its own projects and scopes, and
    until its own end; what it made is revoked along with it. Raises NotFound, Forbidden,
    Unprocessable.
    """
    _check_projects(scope, new)
    _check_scopes(scope, new)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Token)
        if done is not None:
            return await _tell_again(system, scope, tx, done)
        if new.expires_at is not None and new.expires_at <= datetime.now(UTC):
            raise Unprocessable(
                "expires_at lies in the past; the token would never have worked. Nothing was made."
            )
        own = await lock_token(scope, tx, scope.token_id) if scope.token_id else None
        if own is not None:
            if own.revoked_at is not None:
                raise Unauthenticated(
                    "Your API token was revoked at the same time. No token was created."
                )
            new = _narrow(new, own)
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
        await _tell(scope, tx, "create", row, kind=new.kind.value, name=new.name, scopes=row.scopes)
        # The projects that the request names are checked above, before the answer is searched.
        return CreatedToken(
            **dict(save_response(scope, tx, _describe(row), projects=())), token=secret
        )


async def _tell_again(
    system: AppContext, scope: Scope, tx: Transaction, done: Token
) -> CreatedToken:
    """Tell of a token as it was made, with its secret, which is made again. Raises Conflict."""
    row = await tx.session.get(TokenRow, done.id)

    def fits(strength: bytes) -> bool:
        return (
            row is not None and hash_secret(generate_token(done.kind, strength)) == row.secret_hash
        )

    strength = replay_secret_bytes(system, scope, str(done.id), fits)
    return CreatedToken(**dict(done), token=generate_token(done.kind, strength))


async def _tell(scope: Scope, tx: Transaction, action: str, row: TokenRow, **details: Any) -> None:
    """Tell the owners of each project that a token reaches; without any, whoever owns the installation."""
    reached = list(scope.roles) if row.project_ids is None else row.project_ids
    tx.audit_each(
        await list_existing_projects(scope, tx, reached), action, "token", row.id, **details
    )


def _check_projects(scope: Scope, new: NewToken) -> None:
    # A person's token may what its person may, whatever their role is.
    needs = Role.VIEWER if new.kind == TokenKind.USER else ENTRUSTS
    for project in new.projects or []:
        scope.check(project, needs)
    if new.projects is None and scope.roles and not list_token_projects(new.kind, scope.roles):
        raise Forbidden(
            f"A token for a {new.kind} needs the role {ENTRUSTS} in a project, and you have it in none. "
            "Nothing was made. An owner of the project can give you that role, or make the token."
        )


def _check_scopes(scope: Scope, new: NewToken) -> None:
    """A token's scopes are among its maker's; a worker's and a pipeline's are what their kind may."""
    if new.kind != TokenKind.USER:
        if new.scopes is not None:
            raise Unprocessable(
                f"Scopes are for tokens of people; one for a {new.kind} may do what its kind may."
            )
        return
    if new.scopes == []:
        raise Unprocessable(
            "A token without any scope could do nothing. Leave scopes out, or name one."
        )
    if new.scopes is not None and (more := expand_scopes(new.scopes) - scope.scopes):
        raise Forbidden(
            f"The token that you call with lacks the scope {min(more)} itself. Nothing was made."
        )


def _narrow(new: NewToken, own: TokenRow) -> NewToken:
    """What a token may give on of itself."""
    expires_at = new.expires_at or own.expires_at
    if expires_at is not None and own.expires_at is not None and expires_at > own.expires_at:
        raise Unprocessable(
            f"The token that you call with ends at {own.expires_at:%Y-%m-%d %H:%M} UTC, and none that it makes lasts "
            "longer. Nothing was made. Choose an earlier expires_at, or sign in to make it."
        )
    scopes = new.scopes
    if scopes is None and new.kind == TokenKind.USER and own.scopes is not None:
        scopes = [TokenScope(scope) for scope in own.scopes]
    projects = own.project_ids if new.projects is None else new.projects
    return new.model_copy(update={"projects": projects, "expires_at": expires_at, "scopes": scopes})


async def list_own_tokens(system: AppContext, scope: Scope) -> Page[Token]:
    """List the tokens of the caller's person, newest first; a limited token sees itself and what came of it."""
    async with system.database.transaction(scope) as tx:
        rows = await list_tokens(scope, tx)
        return Page(results=[_describe(row) for row in rows], count=len(rows))


async def revoke_token(system: AppContext, scope: Scope, token_id: UUID) -> None:
    """Revoke a token and all that it made; they are refused from the commit on. Raises NotFound.

    A limited token revokes itself and what came of it, not its person's others.
    """
    async with system.database.transaction(scope) as tx:
        if not any(row.id == token_id for row in await list_tokens(scope, tx)):
            raise NotFound
        revoked = await revoke_tokens(scope, tx, [token_id])
        for row in await list_tokens(scope, tx):
            if row.id in revoked:
                along_with = None if row.id == token_id else str(token_id)
                await _tell(scope, tx, "revoke", row, name=row.name, along_with=along_with)
        tx.after_commit(
            lambda: system.known.callers.delete(lambda caller: caller.token_id in revoked)
        )
