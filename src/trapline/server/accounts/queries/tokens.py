"""API tokens of users, and the tokens that tokens created."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import aliased

from trapline.server.accounts.queries.accounts import TokenRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.wire.auth import Role


async def list_tokens(scope: Scope, tx: Transaction) -> list[TokenRow]:
    """List the tokens that the caller can see, newest first.

    These are all tokens of the user, or for a limited token itself and its descendants.
    """
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
    """Lock a token that creates another one, so that both are revoked together."""
    statement = select(TokenRow).where(TokenRow.id == token_id).with_for_update(key_share=True)
    return (await tx.session.scalars(statement)).one_or_none()


async def revoke_tokens(scope: Scope, tx: Transaction, token_ids: Sequence[UUID]) -> list[UUID]:
    """Revoke tokens and their descendants, one generation after the other.

    Returns the tokens that were active before. A token is locked while it creates another one, so
    the next generation is complete when its parents are revoked.
    """
    revoked: list[UUID] = []
    statement = (
        "update tokens set revoked_at = now() where id = any(%s) and revoked_at is null returning "
        "id"
    )
    level = list(token_ids)
    while level:
        cursor = await tx.execute(statement, (level,))
        level = [found for (found,) in await cursor.fetchall()]
        revoked += level
        statement = statement.replace("where id =", "where made_by =")
    return revoked


async def revoke_user_tokens(scope: Scope, tx: Transaction, user_id: UUID) -> int:
    """Revoke all tokens of a user whose row is locked; return how many were active."""
    cursor = await tx.execute(
        "update tokens set revoked_at = clock_timestamp() where user_id = %s and revoked_at is "
        "null",
        (user_id,),
    )
    return cursor.rowcount


class ActiveToken(NamedTuple):
    """A token that is neither revoked nor expired, with its user and roles.

    With `every_project` the roles are those of an owner in all projects. `has_live_user` is false
    if the user does not exist or is deactivated. `is_long_unused` is true if no use was recorded in
    the last minute.
    """

    id: UUID
    kind: str
    secret_hash: bytes
    user_id: UUID | None
    every_project: bool
    project_ids: list[int] | None
    scopes: list[str] | None
    is_long_unused: bool
    has_live_user: bool
    is_operator: bool
    roles: dict[int, Role]
    archived: frozenset[int]


async def find_active_token(scope: Scope, tx: Transaction, prefix: str) -> ActiveToken | None:
    """Find a token by its prefix; the caller compares the hash.

    One statement, because every request executes it.
    """
    return await _find_live(tx, prefix, None)


async def find_live_token_by_id(
    scope: Scope, tx: Transaction, token_id: UUID
) -> ActiveToken | None:
    """Find a token by its ID, for a URL that was signed for it."""
    return await _find_live(tx, None, token_id)


async def _find_live(
    tx: Transaction, prefix: str | None, token_id: UUID | None
) -> ActiveToken | None:
    cursor = await tx.execute(
        """
        select t.id, t.kind, t.secret_hash, t.user_id, t.every_project, t.project_ids,
            t.scopes, coalesce(t.last_used_at < now() - interval '1 minute', true),
            u.id is not null and u.deactivated_at is null, coalesce(u.is_operator, false),
            r.projects, r.roles, r.archived
        from tokens t left join users u on u.id = t.user_id, lateral (
            select array_agg(id), array_agg('owner'::text),
                array_agg(id) filter (where archived_at is not null)
            from projects where t.every_project and deleted_at is null
            union all
            select array_agg(m.project_id), array_agg(m.role),
                array_agg(p.id) filter (where p.archived_at is not null)
            from members m join projects p on p.id = m.project_id
            where not t.every_project and m.user_id = t.user_id and p.deleted_at is null
        ) r(projects, roles, archived)
        where (t.prefix = %s or t.id = %s) and t.revoked_at is null
            and (t.expires_at is null or t.expires_at > now())
        order by r.projects is null limit 1
        """,
        (prefix, token_id),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    projects, roles, archived = row[10:]
    reached = dict(zip(projects or (), map(Role, roles or ()), strict=True))
    return ActiveToken._make([*row[:10], reached, frozenset(archived or ())])


async def record_token_use(scope: Scope, tx: Transaction, token_id: UUID) -> None:
    """Record the use of a token."""
    await tx.execute("update tokens set last_used_at = now() where id = %s", (token_id,))
