"""Authentication: sign-in, sessions, one-time links and API tokens."""

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
"""Password as typed, valid or not."""

Password = Annotated[GivenPassword, Field(min_length=10)]
LinkSecret = Annotated[str, Field(max_length=200), AfterValidator(reject_nul)]


class Role(StrEnum):
    """Role of a member in a project; each role includes the permissions of those before it."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    MANAGER = "manager"
    OWNER = "owner"


class TokenKind(StrEnum):
    """Kind of an API token: for a user, a worker or an external pipeline."""

    USER = "user"
    WORKER = "worker"
    PIPELINE = "pipeline"


class TokenScope(StrEnum):
    """Permission level of a user's token, if it is lower than that of the user.

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
    """Purpose and account of a one-time link: `first_owner`, `invite`, `reset` or `sign_in`."""

    purpose: AnyText
    expires_at: Time
    email: AnyText | None = None
    name: AnyText | None = None


class OneTimeLink(Message):
    """A link that works once.

    Anyone with the link can sign in as its user. It is shown once.
    """

    url: AnyText
    purpose: AnyText
    expires_at: Time


class PasswordUpdate(Request):
    """Request to change one's own password; `old` is omitted only if no password was set."""

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
    """User or token that sent a request.

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
