"""API tokens: make, list, revoke."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from trapline.server.db.base import Transaction
from trapline.server.db.people import TokenRow, list_tokens
from trapline.server.db.projects import list_existing
from trapline.server.errors import Forbidden, NotFound, Unprocessable
from trapline.server.rules.access import ENTRUSTS, Scope, reach_of
from trapline.server.rules.tokens import find_parsed, make_token
from trapline.server.system import System
from trapline.wire.auth import NewToken, Token, TokenKind, TokenMade
from trapline.wire.values import Page


def _describe(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        kind=TokenKind(row.kind),
        prefix=f"tl_{row.kind}_{row.prefix}",
        projects=row.project_ids,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


async def create_token(system: System, scope: Scope, new: NewToken) -> TokenMade:
    """Make an API token for some or all of the caller's projects. The secret is told this once and never kept.

    A token that makes another one gives on no more than it has: its own projects, and until its own end. Raises
    NotFound, Forbidden, Unprocessable.
    """
    _check_projects(scope, new)
    if new.expires_at is not None and new.expires_at <= datetime.now(UTC):
        raise Unprocessable("expires_at lies in the past; the token would never have worked. Nothing was made.")
    async with system.database.transaction(scope) as tx:
        own = await tx.session.get(TokenRow, scope.token_id) if scope.token_id else None
        if own is not None:
            new = _narrow(new, own)
        secret = make_token(new.kind)
        parsed = find_parsed(secret)
        assert parsed is not None
        row = TokenRow(
            kind=new.kind.value,
            name=new.name,
            prefix=parsed.prefix,
            secret_hash=parsed.secret_hash,
            user_id=scope.user_id,
            project_ids=new.projects,
            every_project=scope.everything or (own is not None and own.every_project),
            expires_at=new.expires_at,
        )
        tx.session.add(row)
        await tx.session.flush()
        reached = list(scope.roles) if new.projects is None else new.projects
        await _tell(scope, tx, "create", row.id, reached, kind=new.kind.value, name=new.name)
        return TokenMade(**_describe(row).model_dump(), token=secret)


async def _tell(
    scope: Scope, tx: Transaction, action: str, token_id: UUID, project_ids: Sequence[int], **details: str
) -> None:
    """Tell the owners of each project that a token reaches; without any, whoever owns the installation."""
    tx.audit_each(await list_existing(scope, tx, project_ids), action, "token", token_id, **details)


def _check_projects(scope: Scope, new: NewToken) -> None:
    needs = None if new.kind == TokenKind.USER else ENTRUSTS
    for project in new.projects or []:
        scope.check(project, needs)
    if new.projects is None and scope.roles and not reach_of(new.kind, scope.roles):
        raise Forbidden(
            f"A token for a {new.kind} needs the role {ENTRUSTS} in a project, and you have it in none. "
            "Nothing was made. An owner of the project can give you that role, or make the token."
        )


def _narrow(new: NewToken, own: TokenRow) -> NewToken:
    """What a token may give on of itself."""
    expires_at = new.expires_at or own.expires_at
    if expires_at is not None and own.expires_at is not None and expires_at > own.expires_at:
        raise Unprocessable(
            f"The token that you call with ends at {own.expires_at:%Y-%m-%d %H:%M} UTC, and none that it makes lasts "
            "longer. Nothing was made. Choose an earlier expires_at, or sign in to make it."
        )
    return new.model_copy(
        update={"projects": own.project_ids if new.projects is None else new.projects, "expires_at": expires_at}
    )


async def list_own_tokens(system: System, scope: Scope) -> Page[Token]:
    """List the tokens that the caller made, newest first."""
    async with system.database.transaction(scope) as tx:
        rows = await list_tokens(scope, tx, scope.user_id) if scope.user_id else []
        return Page(results=[_describe(row) for row in rows], count=len(rows))


async def revoke_token(system: System, scope: Scope, token_id: UUID) -> None:
    """Revoke a token that the caller made; it is refused from the commit on. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await tx.session.get(TokenRow, token_id)
        if row is None or row.user_id != scope.user_id:
            raise NotFound
        if row.revoked_at is None:
            row.revoked_at = datetime.now(UTC)
            reached = list(scope.roles) if row.project_ids is None else row.project_ids
            await _tell(scope, tx, "revoke", row.id, reached, name=row.name)
            tx.after_commit(lambda: system.known.callers.forget(lambda caller: caller.token_id == token_id))
