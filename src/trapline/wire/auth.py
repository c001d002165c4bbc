"""Who is calling: sign-in, sessions, one-time links, API tokens."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trapline.wire.values import UUID, AnyText, GivenTime, Id, Message, Name, Request, Text, Time

Email = Annotated[Text, Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]
Password = Annotated[str, Field(min_length=10, max_length=1024)]


class Role(StrEnum):
    """What a member may do in a project; each role may do what those before it may."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    MANAGER = "manager"
    OWNER = "owner"


class TokenKind(StrEnum):
    """What an API token is for: a user's own calls, a worker's, or an outside pipeline's."""

    USER = "user"
    WORKER = "worker"
    PIPELINE = "pipeline"


class SignIn(Request):
    """Sign in by e-mail and password."""

    email: Email
    password: Annotated[str, Field(max_length=1024)]


class LinkUse(Request):
    """Use a one-time link; the first one of an installation asks for the owner's e-mail and password."""

    link: Annotated[AnyText, Field(max_length=200)]
    email: Email | None = None
    name: Name | None = None
    password: Password | None = None


class LinkState(Message):
    """What a one-time link is for, before it is used: `first_owner` or `sign_in`."""

    purpose: AnyText
    expires_at: Time


class Membership(Message):
    """A project that the caller belongs to, and the role there."""

    project_id: Id
    project_name: AnyText
    role: Role


class Caller(Message):
    """Who am I: the person or token behind a request."""

    kind: AnyText
    user_id: UUID | None
    email: AnyText | None
    name: AnyText | None
    is_operator: bool
    memberships: list[Membership]
    csrf_token: AnyText | None = None


class NewToken(Request):
    """Make an API token; without `projects` it is good for all projects of the person or token that makes it.

    A worker's or pipeline's is good only where that person is manager or owner, and as long as they are.
    """

    name: Name
    kind: TokenKind = TokenKind.USER
    projects: list[Id] | None = None
    expires_at: GivenTime | None = None


class Token(Message):
    """An API token, without its secret. `projects` null: all of its maker's, a worker's all that its maker manages."""

    id: UUID
    name: AnyText
    kind: TokenKind
    prefix: AnyText
    projects: list[Id] | None
    created_at: Time
    expires_at: Time | None
    last_used_at: Time | None
    revoked_at: Time | None


class TokenMade(Token):
    """An API token just made: its secret is shown this once."""

    token: AnyText
