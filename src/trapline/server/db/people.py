"""Users, their sessions and one-time links, API tokens, and who is a member of which project."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.db.row import Key, Now, Row


class UserRow(Row):
    """A person. An operator is one who may do everything in this installation."""

    __tablename__ = "users"
    __table_args__ = (Index("uq_users_email_lower", func.lower("email"), unique=True),)

    id: Mapped[Key]
    email: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    password_hash: Mapped[str | None]
    is_operator: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Now]
    deactivated_at: Mapped[datetime | None]


class SessionRow(Row):
    """A person signed in on one browser; only a hash of the cookie is kept."""

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
    """A link that signs somebody in once, or that makes the first owner's account."""

    __tablename__ = "links"
    __table_args__ = (CheckConstraint("purpose in ('first_owner', 'sign_in')", name="purpose"),)

    id: Mapped[Key]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    purpose: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[Now]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class TokenRow(Row):
    """An API token; only a hash is kept, and a prefix to look it up by.

    `project_ids` null stands for all projects of its user, or for every project if `every_project`.
    """

    __tablename__ = "tokens"
    __table_args__ = (CheckConstraint("kind in ('user', 'worker', 'pipeline')", name="kind"),)

    id: Mapped[Key]
    kind: Mapped[str]
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    project_ids: Mapped[list[int] | None]
    every_project: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Now]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class MemberRow(Row):
    """A user's role in a project."""

    __tablename__ = "members"
    __table_args__ = (CheckConstraint("role in ('viewer', 'reviewer', 'manager', 'owner')", name="role"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str]
    created_at: Mapped[Now]
