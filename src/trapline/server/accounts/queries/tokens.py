"""Whose API tokens there are, and which came of which."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import aliased

from trapline.server.accounts.queries.accounts import TokenRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction


async def list_tokens(scope: Scope, tx: Transaction) -> list[TokenRow]:
    """List the tokens that the caller may see, newest first: their person's, or of a limited one its own and below."""
    statement = select(TokenRow)
    if scope.is_person:
        statement = statement.where(TokenRow.user_id == scope.user_id)
    else:
        below = select(TokenRow.id).where(TokenRow.id == scope.token_id).cte(recursive=True)
        child = aliased(TokenRow)
        below = below.union_all(select(child.id).join(below, child.made_by == below.c.id))
        statement = statement.where(TokenRow.id.in_(select(below.c.id)))
    return list((await tx.session.scalars(statement.order_by(TokenRow.id.desc()))).all())


async def lock_token(scope: Scope, tx: Transaction, token_id: UUID) -> TokenRow | None:
    """Lock a token that makes another one, so that it is not revoked without that one."""
    statement = select(TokenRow).where(TokenRow.id == token_id).with_for_update(key_share=True)
    return (await tx.session.scalars(statement)).one_or_none()


async def revoke_tokens(scope: Scope, tx: Transaction, token_ids: Sequence[UUID]) -> list[UUID]:
    """Revoke these tokens and, one generation behind the other, all that they made; answers which
    were good before.

    A token is locked while it makes another one: when a generation is revoked, what it made can be
    seen.
    """
    revoked: list[UUID] = []
    statement = "update tokens set revoked_at = now() where id = any(%s) and revoked_at is null returning id"
    level = list(token_ids)
    while level:
        cursor = await tx.execute(statement, (level,))
        level = [found for (found,) in await cursor.fetchall()]
        revoked += level
        statement = statement.replace("where id =", "where made_by =")
    return revoked


async def revoke_user_tokens(scope: Scope, tx: Transaction, user_id: UUID) -> int:
    """Revoke every token of a person whose row is locked; answers how many were good before."""
    cursor = await tx.execute(
        "update tokens set revoked_at = clock_timestamp() where user_id = %s and revoked_at is null",
        (user_id,),
    )
    return cursor.rowcount
