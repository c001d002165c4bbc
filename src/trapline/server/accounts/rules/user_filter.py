"""The filter of the list of users."""

from dataclasses import dataclass

from trapline.wire.users import UserState


@dataclass(frozen=True)
class UserFilter:
    """Filter of users; None selects all.

    E-mail addresses are compared without case; `role` is a role in any project.
    """

    email: str | None = None
    name: str | None = None
    role: str | None = None
    state: UserState | None = None
    is_operator: bool | None = None
