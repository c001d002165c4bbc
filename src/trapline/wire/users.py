"""Users with an account, and their roles in projects."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from trapline.wire.auth import Email, Membership, OneTimeLink, Role
from trapline.wire.values import UUID, AnyText, Id, Message, Name, Request, Text, Time

PersonName = Annotated[Text, Field(max_length=255)]


class UserState(StrEnum):
    """State of an account: `invited` has no password yet and never signed in by OpenID."""

    INVITED = "invited"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class UserOrder(StrEnum):
    """Order of users: by time of invitation."""

    OLDEST_FIRST = "created_at"
    NEWEST_FIRST = "-created_at"


class NewMembership(Request):
    """Role of a new user in a project."""

    project: Id
    role: Role


class NewUser(Request):
    """Invitation: creates an account with these roles, and a link for choosing a password."""

    email: Email
    name: PersonName = ""
    is_operator: bool = False
    memberships: Annotated[list[NewMembership], Field(max_length=100)] = []


class UserUpdate(Request):
    """Request to update an account; omitted fields keep their values.

    A deactivated user cannot sign in, and the user's tokens are revoked. `is_linked` false removes
    the link to the OpenID provider; the next sign-in by OpenID creates a new one.
    """

    name: PersonName | None = None
    is_operator: bool | None = None
    deactivated: bool | None = None
    is_linked: Literal[False] | None = None


class User(Message):
    """A person with an account, as operators see them."""

    id: UUID
    email: AnyText
    name: AnyText
    state: UserState
    is_operator: bool
    is_linked: bool
    memberships: list[Membership]
    created_at: Time
    updated_at: Time
    last_seen_at: Time | None
    deactivated_at: Time | None


class InvitedUser(User):
    """Invited user, and the link to pass on; it is shown once."""

    link: OneTimeLink


class NewMember(Request):
    """Request to add a user with an account to a project."""

    email: Email
    role: Role


class MemberUpdate(Request):
    """Request to change the role of a member."""

    role: Role


class Member(Message):
    """Member of a project with a role; only owners can see e-mail addresses."""

    user_id: UUID
    name: AnyText
    email: AnyText | None
    role: Role
    state: UserState
    created_at: Time
    updated_at: Time


class CurrentUserUpdate(Request):
    """Request to update the caller's account."""

    name: Name
