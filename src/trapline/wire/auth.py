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

    `read` permits reading. `write` also permits changes, up to those of a manager. `own` also
    permits what requires an owner. `account` permits changes of the user's tokens, sessions and
    password, and of all accounts if the user is an operator.
    """

    READ = "read"
    WRITE = "write"
    OWN = "own"
    ACCOUNT = "account"


class SignIn(Request):
    """Sign in by e-mail and password."""

    email: Email
    password: GivenPassword


class PasswordResetRequest(Request):
    """Request an e-mail with a link for choosing a new password."""

    email: Email


class LinkStateRequest(Request):
    """Request for the state of a one-time link.

    The secret is sent in the body, because URLs are logged.
    """

    link: LinkSecret


class LinkSignInRequest(Request):
    """Use a one-time link.

    `first_owner` requires an e-mail address and a password; `invite` and `reset` require a
    password; with `sign_in` a new password is optional.
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
    """A link that signs in its user once; the response shows it only once."""

    url: AnyText
    purpose: AnyText
    expires_at: Time


class PasswordUpdate(Request):
    """Request to change one's own password; `old` is omitted only if no password was set."""

    old: GivenPassword | None = None
    new: Password


class BrowserSession(Message):
    """A browser in which the caller is signed in; `is_current` marks the present one."""

    id: UUID
    is_current: bool
    user_agent: AnyText
    address: AnyText
    created_at: Time
    last_seen_at: Time
    expires_at: Time


class Membership(Message):
    """A project of the caller, with the caller's role in it."""

    project_id: Id
    project_name: AnyText
    role: Role


class Caller(Message):
    """User or token that sent a request.

    For a token of a worker or pipeline, `name` is the name of the token; `user_id` and `email` are
    null.
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
    """Request to create an API token.

    Without `projects` it is valid for all projects of the user or token that creates it. A token of
    a worker or pipeline is valid only in projects in which that user is manager or owner. Only
    tokens of users have `scopes`; without scopes a token has the permissions of its user. With
    `nats`, a token of a worker comes with credentials for hints over NATS.
    """

    name: Name
    kind: TokenKind = TokenKind.USER
    projects: list[Id] | None = None
    scopes: list[TokenScope] | None = None
    expires_at: GivenTime | None = None
    nats: bool = False


class Token(Message):
    """An API token, without its secret.

    If `projects` is null, the token is valid in all projects of its creator; a worker's token is
    then valid in all that the creator manages. `made_by` is the token that created it: if that
    token is revoked, this one is too.
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
    """A new API token; its secret is shown only once.

    `nats_credentials` is the content of a credentials file of NATS. Its user may subscribe to hints
    about tasks of the token's projects at this time. It expires with the token, and at the latest
    after 365 days.
    """

    token: AnyText
    nats_credentials: AnyText | None = None
