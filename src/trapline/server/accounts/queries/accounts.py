"""Users, their sessions, one-time links and API tokens, and members of projects."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Select,
    UniqueConstraint,
    column,
    delete,
    func,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.accounts.rules.user_filter import UserFilter
from trapline.server.platform.access import MACHINES, Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import filter_by
from trapline.server.platform.db.row import Key, Now, Row
from trapline.server.platform.errors import NotFound
from trapline.wire.users import UserState

# A table of a higher domain; only these columns are read here.
_PROJECTS = table("projects", column("id"), column("deleted_at"))


class UserRow(Row):
    """A user; an operator has all permissions in this installation.

    `oidc_issuer` and `oidc_subject` identify the user at an OpenID provider after the first sign-in
    by it.
    """

    __tablename__ = "users"
    __table_args__ = (
        Index("uq_users_email_lower", text("lower(email)"), unique=True),
        UniqueConstraint("oidc_issuer", "oidc_subject"),
    )

    id: Mapped[Key]
    email: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    password_hash: Mapped[str | None]
    oidc_issuer: Mapped[str | None]
    oidc_subject: Mapped[str | None]
    is_operator: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
    deactivated_at: Mapped[datetime | None]


class SessionRow(Row):
    """A session of a user in one browser; only a hash of the cookie is stored."""

    __tablename__ = "sessions"

    id: Mapped[Key]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_agent: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    created_at: Mapped[Now]
    last_seen_at: Mapped[Now]
    expires_at: Mapped[datetime]


class LinkRow(Row):
    """A link that signs a user in once, or creates the first owner's account."""

    __tablename__ = "links"
    __table_args__ = (
        CheckConstraint("purpose in ('first_owner', 'sign_in', 'invite', 'reset')", name="purpose"),
    )

    id: Mapped[Key]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    purpose: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[Now]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class TokenRow(Row):
    """An API token; only a hash and a prefix for the lookup are stored.

    If `project_ids` is null, the token reaches all projects of its user, or every project if
    `every_project`. If `scopes` is null, it has all scopes of its kind. `made_by` is the token that
    created it; it is revoked with that token.
    """

    __tablename__ = "tokens"
    __table_args__ = (CheckConstraint("kind in ('user', 'worker', 'pipeline')", name="kind"),)

    id: Mapped[Key]
    kind: Mapped[str]
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    project_ids: Mapped[list[int] | None]
    every_project: Mapped[bool] = mapped_column(default=False)
    scopes: Mapped[list[str] | None]
    made_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("tokens.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[Now]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class MemberRow(Row):
    """A user's role in a project."""

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint("role in ('viewer', 'reviewer', 'manager', 'owner')", name="role"),
    )

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


async def find_user_by_email(scope: Scope, tx: Transaction, email: str) -> UserRow | None:
    """Find the user with this e-mail address, compared without case."""
    return (
        await tx.session.scalars(select(UserRow).where(func.lower(UserRow.email) == email.lower()))
    ).one_or_none()


async def find_user_by_subject(
    scope: Scope, tx: Transaction, issuer: str, subject: str
) -> UserRow | None:
    """Find the user with this identity at an OpenID provider."""
    statement = select(UserRow).where(
        UserRow.oidc_issuer == issuer, UserRow.oidc_subject == subject
    )
    return (await tx.session.scalars(statement)).one_or_none()


def select_users(scope: Scope, wanted: UserFilter) -> Select[UserRow]:
    """Select the user accounts that match a filter."""
    email = None if wanted.email is None else wanted.email.lower()
    columns = ((func.lower(UserRow.email), email), (UserRow.name, wanted.name))
    statement = filter_by(select(UserRow), (*columns, (UserRow.is_operator, wanted.is_operator)))
    if wanted.role is not None:
        statement = statement.where(
            UserRow.id.in_(
                select(MemberRow.user_id)
                .join(_PROJECTS, _PROJECTS.c.id == MemberRow.project_id)
                .where(MemberRow.role == wanted.role, _PROJECTS.c.deleted_at.is_(None))
            )
        )
    # The same states as in accounts/actions/users.
    may_sign_in = or_(UserRow.password_hash.is_not(None), UserRow.oidc_subject.is_not(None))
    match wanted.state:
        case UserState.DEACTIVATED:
            return statement.where(UserRow.deactivated_at.is_not(None))
        case UserState.ACTIVE:
            return statement.where(UserRow.deactivated_at.is_(None), may_sign_in)
        case UserState.INVITED:
            return statement.where(UserRow.deactivated_at.is_(None), ~may_sign_in)
    return statement


async def get_user_row(
    scope: Scope, tx: Transaction, user_id: UUID, *, lock: bool = False
) -> UserRow:
    """Return a user.

    Code that ends sessions, links or permissions of the user locks the row first.

    Raises:
        NotFound: the user does not exist.
    """
    row = await tx.session.get(
        UserRow, user_id, with_for_update=lock or None, populate_existing=lock
    )
    if row is None:
        raise NotFound
    return row


async def has_any_user(scope: Scope, tx: Transaction) -> bool:
    """Return whether any account exists."""
    return (await tx.session.scalars(select(UserRow.id).limit(1))).first() is not None


async def find_first_operator(scope: Scope, tx: Transaction) -> UserRow | None:
    """Find the oldest active operator of this installation."""
    statement = (
        select(UserRow)
        .where(UserRow.is_operator, UserRow.deactivated_at.is_(None))
        .order_by(UserRow.id)
    )
    return (await tx.session.scalars(statement.limit(1))).first()


async def has_other_operator(scope: Scope, tx: Transaction, user_id: UUID) -> bool:
    """Return whether another active operator exists."""
    statement = select(UserRow.id).where(
        UserRow.is_operator, UserRow.deactivated_at.is_(None), UserRow.id != user_id
    )
    return (await tx.session.scalars(statement.limit(1))).first() is not None


async def list_last_seen(
    scope: Scope, tx: Transaction, user_ids: Sequence[UUID]
) -> dict[UUID, datetime]:
    """Return when each of these users was last seen in a current session."""
    statement = (
        select(SessionRow.user_id, func.max(SessionRow.last_seen_at))
        .where(SessionRow.user_id.in_(user_ids))
        .group_by(SessionRow.user_id)
    )
    return {user: moment for user, moment in (await tx.session.execute(statement)).all()}


async def find_session(
    scope: Scope, tx: Transaction, secret_hash: bytes
) -> tuple[SessionRow, UserRow] | None:
    """Find an active session and its user."""
    statement = (
        select(SessionRow, UserRow)
        .join(UserRow, UserRow.id == SessionRow.user_id)
        .where(
            SessionRow.secret_hash == secret_hash,
            SessionRow.expires_at > func.now(),
            UserRow.deactivated_at.is_(None),
        )
    )
    found = (await tx.session.execute(statement)).one_or_none()
    return (found[0], found[1]) if found else None


async def delete_session(scope: Scope, tx: Transaction, secret_hash: bytes) -> None:
    """Delete a session; one that does not exist is ignored."""
    await tx.session.execute(delete(SessionRow).where(SessionRow.secret_hash == secret_hash))


async def delete_sessions(
    scope: Scope, tx: Transaction, user_id: UUID, *, but: UUID | None = None
) -> int:
    """Delete the sessions of a user except `but`; return how many there were."""
    statement = delete(SessionRow).where(SessionRow.user_id == user_id).returning(SessionRow.id)
    if but is not None:
        statement = statement.where(SessionRow.id != but)
    return len((await tx.session.scalars(statement)).all())


async def list_sessions(scope: Scope, tx: Transaction, user_id: UUID) -> list[SessionRow]:
    """List the active sessions of a user, most recently used first."""
    statement = select(SessionRow).where(
        SessionRow.user_id == user_id, SessionRow.expires_at > func.now()
    )
    return list(
        (
            await tx.session.scalars(
                statement.order_by(SessionRow.last_seen_at.desc(), SessionRow.id)
            )
        ).all()
    )


async def revoke_links(scope: Scope, tx: Transaction, user_id: UUID) -> None:
    """Delete all unused links of a user."""
    await tx.session.execute(
        delete(LinkRow).where(LinkRow.user_id == user_id, LinkRow.used_at.is_(None))
    )


async def find_link(
    scope: Scope, tx: Transaction, secret_hash: bytes, *, lock: bool = False
) -> LinkRow | None:
    """Find a one-time link that is still valid."""
    statement = select(LinkRow).where(
        LinkRow.secret_hash == secret_hash,
        LinkRow.used_at.is_(None),
        LinkRow.expires_at > func.now(),
    )
    return (
        await tx.session.scalars(statement.with_for_update() if lock else statement)
    ).one_or_none()


async def list_credential_states(
    scope: Scope, tx: Transaction, ids: list[UUID]
) -> list[tuple[UUID, str]]:
    """List the active ones of these sessions and tokens, each with a text of its permissions.

    The text changes when the permissions change.
    """
    cursor = await tx.execute(
        """
        with holding as (
            select id, user_id, '' as limits from sessions
            where id = any(%(ids)s) and expires_at > now()
            union all
            select id, user_id, concat(every_project, project_ids, scopes) from tokens
            where id = any(%(ids)s) and revoked_at is null
                and (expires_at is null or expires_at > now())
        )
        select h.id, concat(h.limits, u.deactivated_at, u.is_operator, (
            select string_agg(
                concat(m.project_id, m.role, p.deleted_at, p.archived_at), ',' order by m.project_id
            )
            from members m join projects p on p.id = m.project_id where m.user_id = h.user_id
        )) from holding h left join users u on u.id = h.user_id
        """,
        {"ids": ids},
    )
    return await cursor.fetchall()


async def list_actor_names(
    scope: Scope, tx: Transaction, actors: Iterable[str | None], *, with_emails: bool = True
) -> dict[str | None, str]:
    """Return a name for each actor: of the user or token, else the stored text.

    A user without a name is named by e-mail address.

    Tokens of workers and pipelines get no e-mail addresses, and without `with_emails` no caller
    does.
    """
    by_kind: dict[str, set[UUID]] = {"user": set(), "token": set()}
    for actor in actors:
        kind, _, text_of_key = (actor or "").partition(":")
        if kind in by_kind:
            by_kind[kind].add(UUID(text_of_key))
    people = select(UserRow.id, UserRow.name, UserRow.email).where(UserRow.id.in_(by_kind["user"]))
    tokens = select(TokenRow.id, TokenRow.name).where(TokenRow.id.in_(by_kind["token"]))
    named: dict[str | None, str] = {}
    for key, name, email in (await tx.session.execute(people)).all():
        named[f"user:{key}"] = name or (
            email if with_emails and scope.kind not in MACHINES else "a person without a name"
        )
    for key, name in (await tx.session.execute(tokens)).all():
        named[f"token:{key}"] = f"token {name}"
    return {actor: named.get(actor, actor) for actor in actors if actor is not None}
