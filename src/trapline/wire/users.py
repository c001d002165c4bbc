"""The people who have an account, and their roles in projects."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from trapline.wire.auth import Email, Membership, OneTimeLink, Role
from trapline.wire.values import UUID, AnyText, Id, Message, Name, Request, Text, Time

PersonName = Annotated[Text, Field(max_length=255)]


class UserState(StrEnum):
    """Whether somebody can sign in: `invited` has no password yet, and never signed in by OpenID."""

    INVITED = "invited"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class UserOrder(StrEnum):
    """How people are ordered: by when they were invited."""

    OLDEST_FIRST = "created_at"
    NEWEST_FIRST = "-created_at"


class NewMembership(Request):
    """A role that somebody gets in a project."""

    project: Id
    role: Role


class NewUser(Request):
    """Invite somebody: they get an account, these roles, and a link that lets them choose a password."""

    email: Email
    name: PersonName = ""
    is_operator: bool = False
    memberships: Annotated[list[NewMembership], Field(max_length=100)] = []


class UserUpdate(Request):
    """Change an account; what is left out stays. Somebody deactivated cannot sign in, and their
    tokens end.

    `is_linked` false forgets whom the OpenID provider knows this person as; their next sign-in by
    it links them anew.
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
    """Somebody just invited, and the link to give to them; it is shown this once."""

    link: OneTimeLink


class NewMember(Request):
    """Give somebody who has an account a role in a project."""

    email: Email
    role: Role


class MemberUpdate(Request):
    """Give a member another role."""

    role: Role


class Member(Message):
    """Somebody's role in a project. E-mail addresses are told to owners alone."""

    user_id: UUID
    name: AnyText
    email: AnyText | None
    role: Role
    state: UserState
    created_at: Time
    updated_at: Time


class CurrentUserUpdate(Request):
    """Change one's own account."""

    name: Name
