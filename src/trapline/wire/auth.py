"""Who is calling: sign-in, sessions, one-time links, API tokens."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from trapline.wire.values import (
    UUID,
    AnyText,
    GivenTime,
    Id,
    Message,
    Name,
    Request,
    Text,
    Time,
    reject_nul,
)

Email = Annotated[Text, Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]
GivenPassword = Annotated[str, Field(max_length=1024), AfterValidator(reject_nul)]
"""A password as somebody types it, good or not."""

Password = Annotated[GivenPassword, Field(min_length=10)]
LinkSecret = Annotated[str, Field(max_length=200), AfterValidator(reject_nul)]


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


class TokenScope(StrEnum):
    """What a user's token may do, where it may less than its person.

    `read` sees; `write` also changes what its person's role allows, up to a manager's; `own` also
    what needs an owner. `account` is the person's own: tokens, sessions, password, and everybody's
    accounts where the person is an operator.
    """

    READ = "read"
    WRITE = "write"
    OWN = "own"
    ACCOUNT = "account"


class SignIn(Request):
    """Sign in by e-mail and password."""

    email: Email
    password: GivenPassword


class LinkStateRequest(Request):
    """Ask what a one-time link is for.

    Its secret is sent in the body, because addresses are logged.
    """

    link: LinkSecret


class LinkSignInRequest(Request):
    """Use a one-time link.

    `first_owner` needs an e-mail address and a password, `invite` and `reset` a password; with
    `sign_in` one may set a new one.
    """

    link: LinkSecret
    email: Email | None = None
    name: Name | None = None
    password: Password | None = None


class LinkState(Message):
    """What a one-time link is for, before it is used: `first_owner`, `invite`, `reset` or `sign_in`, and for whom."""

    purpose: AnyText
    expires_at: Time
    email: AnyText | None = None
    name: AnyText | None = None


class OneTimeLink(Message):
    """A link that works once.

    Whoever has it can sign in as the person it is for; it is shown this once.
    """

    url: AnyText
    purpose: AnyText
    expires_at: Time


class PasswordUpdate(Request):
    """Change one's own password. `old` is left out only by somebody who has none."""

    old: GivenPassword | None = None
    new: Password


class BrowserSession(Message):
    """A browser in which the caller is signed in; `is_current` is the one that asks."""

    id: UUID
    is_current: bool
    user_agent: AnyText
    address: AnyText
    created_at: Time
    last_seen_at: Time
    expires_at: Time


class Membership(Message):
    """A project that the caller belongs to, and the role there."""

    project_id: Id
    project_name: AnyText
    role: Role


class Caller(Message):
    """Who am I: the person or token behind a request.

    For a token of a worker or pipeline `name` is the token's; `user_id` and `email` are null.
    """

    kind: AnyText
    user_id: UUID | None
    email: AnyText | None
    name: AnyText | None
    is_operator: bool
    memberships: list[Membership]
    csrf_token: AnyText | None = None
    can_create_projects: bool = True


class NewToken(Request):
    """Make an API token; without `projects` it is good for all projects of the person or token that
    makes it.

    A worker's or pipeline's is good only where that person is manager or owner, and as long as they
    are. `scopes` are a user's token's alone; without them it may do what its maker may.
    """

    name: Name
    kind: TokenKind = TokenKind.USER
    projects: list[Id] | None = None
    scopes: list[TokenScope] | None = None
    expires_at: GivenTime | None = None


class Token(Message):
    """An API token, without its secret. `projects` null: all of its maker's, a worker's all that
    its maker manages.

    `made_by` is the token that made it: it is revoked along with that one.
    """

    id: UUID
    name: AnyText
    kind: TokenKind
    prefix: AnyText
    projects: list[Id] | None
    scopes: list[TokenScope] | None
    made_by: UUID | None
    created_at: Time
    expires_at: Time | None
    last_used_at: Time | None
    revoked_at: Time | None


class CreatedToken(Token):
    """An API token just made: its secret is shown this once."""

    token: AnyText
