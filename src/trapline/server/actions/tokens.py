"""API tokens: make, list, revoke."""

from datetime import UTC, datetime
from uuid import UUID

from trapline.server.db.people import TokenRow, list_tokens
from trapline.server.errors import NotFound, Unprocessable
from trapline.server.rules.access import Scope
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
    """Make an API token for some or all of the caller's projects. The secret is told this once and never kept."""
    for project in new.projects or []:
        scope.check(project)
    if new.expires_at is not None and new.expires_at <= datetime.now(UTC):
        raise Unprocessable("expires_at lies in the past; the token would never have worked. Nothing was made.")
    async with system.database.transaction(scope) as tx:
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
            every_project=scope.everything,
            expires_at=new.expires_at,
        )
        tx.session.add(row)
        await tx.session.flush()
        tx.audit("create", "token", row.id, kind=new.kind.value, name=new.name)
        return TokenMade(**_describe(row).model_dump(), token=secret)


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
            tx.audit("revoke", "token", row.id)
            tx.after_commit(lambda: system.known.callers.forget(lambda caller: caller.token_id == token_id))
