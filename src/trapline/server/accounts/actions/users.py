"""User accounts, for operators: invite, list, change, deactivate, reset by link."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from trapline.server.accounts.actions.one_time_links import create_link, redact_link, replay_link
from trapline.server.accounts.queries.accounts import (
    MemberRow,
    UserRow,
    delete_sessions,
    get_user_row,
    has_other_operator,
    list_last_seen,
    revoke_links,
    select_users,
)
from trapline.server.accounts.queries.memberships import list_memberships, lock_project
from trapline.server.accounts.queries.tokens import revoke_user_tokens
from trapline.server.accounts.rules.user_filter import UserFilter
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, NotFound, Unprocessable
from trapline.wire.auth import Membership, OneTimeLink
from trapline.wire.users import InvitedUser, NewUser, User, UserState, UserUpdate
from trapline.wire.values import Page

LAST_OPERATOR = (
    "This is the last operator of this Trapline. Nothing was changed. Make another user an "
    "operator first."
)


def get_user_state(user: UserRow) -> UserState:
    """Return whether a user is active, invited or deactivated."""
    if user.deactivated_at is not None:
        return UserState.DEACTIVATED
    can_sign_in = user.password_hash is not None or user.oidc_subject is not None
    return UserState.ACTIVE if can_sign_in else UserState.INVITED


async def _describe(tx: Transaction, scope: Scope, rows: list[UserRow]) -> list[User]:
    ids = [row.id for row in rows]
    memberships = await list_memberships(scope, tx, ids)
    last_seen = await list_last_seen(scope, tx, ids)
    return [
        User(
            id=row.id,
            email=row.email,
            name=row.name,
            state=get_user_state(row),
            is_operator=row.is_operator,
            is_linked=row.oidc_subject is not None,
            memberships=[
                Membership(project_id=project, project_name=name, role=role)
                for project, name, role in memberships[row.id]
            ],
            created_at=row.created_at,
            updated_at=row.updated_at,
            last_seen_at=last_seen.get(row.id),
            deactivated_at=row.deactivated_at,
        )
        for row in rows
    ]


async def list_users(
    system: AppContext,
    scope: Scope,
    wanted: UserFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Page[User]:
    """List all user accounts in the order of their invitation."""
    async with system.database.transaction(scope) as tx:
        statement = select_users(scope, wanted)
        rows, following = await fetch_page(
            tx, statement, [(UserRow.id, UUID)], descending=descending, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        return Page(
            results=await _describe(tx, scope, rows),
            next=following,
            count=count,
            count_is_estimate=estimated,
        )


async def get_user(system: AppContext, scope: Scope, user_id: UUID) -> User:
    """Return one account.

    Raises:
        NotFound: the account does not exist.
    """
    async with system.database.transaction(scope) as tx:
        [user] = await _describe(tx, scope, [await get_user_row(scope, tx, user_id)])
        return user


async def invite_user(system: AppContext, scope: Scope, new: NewUser) -> InvitedUser:
    """Create an account with these roles, and a link to choose its password.

    Raises:
        Conflict: an account has this e-mail address.
        Unprocessable: a project does not exist.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, InvitedUser)
        if done is not None:
            return done.model_copy(update={"link": replay_link(system, scope, done.link)})
        row = UserRow(email=new.email, name=new.name, is_operator=new.is_operator)
        tx.session.add(row)
        try:
            await tx.session.flush()
        except IntegrityError:
            raise Conflict(
                f"{new.email} has an account already. No user was invited. Give the account a role "
                "in a project, or a new link."
            ) from None
        await tx.session.refresh(row)
        tx.audit("invite", "user", row.id, email=new.email, is_operator=new.is_operator)
        for project, role in {given.project: given.role for given in new.memberships}.items():
            if not await lock_project(scope, tx, project):
                raise Unprocessable(f"Project {project} does not exist. No user was invited.")
            tx.session.add(MemberRow(project_id=project, user_id=row.id, role=role.value))
            tx.audit("add", "member", row.id, project, role=role.value)
        await tx.session.flush()
        _, link = await create_link(system, tx, "invite", row.id)
        [user] = await _describe(tx, scope, [row])
        save_response(scope, tx, InvitedUser(**dict(user), link=redact_link(link)), projects=())
        return InvitedUser(**dict(user), link=link)


async def update_user(system: AppContext, scope: Scope, user_id: UUID, change: UserUpdate) -> User:
    """Update an account; deactivation permanently ends its sessions, links and tokens.

    Raises:
        NotFound: the account does not exist.
        PreconditionFailed: the account was changed since it was read.
        Conflict: the account is the last operator.
    """
    async with system.database.transaction(scope) as tx:
        # Two operators who deactivate each other at the same moment must not both succeed.
        await tx.execute("select pg_advisory_xact_lock(hashtextextended('operators', 2))")
        row = await get_user_row(scope, tx, user_id, lock=True)
        scope.check_unchanged(row.updated_at)
        loses = change.is_operator is False or change.deactivated is True
        if loses and row.is_operator and not await has_other_operator(scope, tx, row.id):
            raise Conflict(LAST_OPERATOR)
        if change.name is not None:
            row.name = change.name
        if change.is_operator is not None:
            row.is_operator = change.is_operator
        if change.deactivated and row.deactivated_at is None:
            row.deactivated_at = datetime.now(UTC)
            await revoke_links(scope, tx, row.id)
            sessions, tokens = (
                await delete_sessions(scope, tx, row.id),
                await revoke_user_tokens(scope, tx, row.id),
            )
            tx.audit("deactivate", "user", row.id, sessions=sessions, tokens=tokens)
        elif change.deactivated is False and row.deactivated_at is not None:
            row.deactivated_at = None
            tx.audit("reactivate", "user", row.id)
        if change.is_linked is False and row.oidc_subject is not None:
            row.oidc_issuer = row.oidc_subject = None
            tx.audit("unlink_oidc", "user", row.id)
        given = change.model_dump(exclude_none=True, exclude={"deactivated", "is_linked"})
        if given:
            tx.audit("change", "user", row.id, **given)
        row.updated_at = datetime.now(UTC)
        tx.after_commit(
            lambda: system.known.callers.delete(lambda caller: caller.user_id == user_id)
        )
        await tx.session.flush()
        [user] = await _describe(tx, scope, [row])
        return user


async def update_own_name(system: AppContext, scope: Scope, name: str) -> None:
    """Change the caller's name.

    Raises:
        NotFound: the caller is a token without a user.
    """
    if scope.user_id is None:
        raise NotFound
    async with system.database.transaction(scope) as tx:
        row = await get_user_row(scope, tx, scope.user_id, lock=True)
        row.name, row.updated_at = name, datetime.now(UTC)
        tx.audit("change", "user", row.id, name=name)


async def create_user_link(system: AppContext, scope: Scope, user_id: UUID) -> OneTimeLink:
    """Create a link to choose a new password; an invitation if the account has none yet.

    Raises:
        NotFound: the account does not exist.
        Conflict: the account is deactivated.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, OneTimeLink)
        if done is not None:
            return replay_link(system, scope, done)
        row = await get_user_row(scope, tx, user_id, lock=True)
        if row.deactivated_at is not None:
            raise Conflict("This account is deactivated. No link was created. Reactivate it first.")
        _, link = await create_link(system, tx, "reset" if row.password_hash else "invite", row.id)
        save_response(scope, tx, redact_link(link), projects=())
        return link
