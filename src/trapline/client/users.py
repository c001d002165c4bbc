"""Methods for accounts, members of projects, sessions and passwords."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.auth import BrowserSession, OneTimeLink, PasswordUpdate
from trapline.wire.users import (
    InvitedUser,
    Member,
    MemberUpdate,
    NewMember,
    NewUser,
    User,
    UserUpdate,
)


class UserApi:
    """Methods for users."""

    _to: ApiSession

    def list_users(self, **filters: str | int | float | None) -> list[User]:
        """List the accounts; only operators may call the methods for accounts.

        Filters are email, name, role, state, is_operator, order.
        """
        return self._to.list_all("/users", NotebookPage[User], filters)

    def invite_user(self, new: NewUser) -> InvitedUser:
        """Create an account; only this response has the link for its user."""
        return self._to.send("POST", "/users", InvitedUser, new)

    def get_user(self, user_id: UUID) -> User:
        """Get an account."""
        return self._to.get(f"/users/{user_id}", User)

    def update_user(self, user_id: UUID, change: UserUpdate) -> User:
        """Update the fields set in `change`; a deactivated user is signed out immediately."""
        return self._to.send("PATCH", f"/users/{user_id}", User, change)

    def create_user_link(self, user_id: UUID) -> OneTimeLink:
        """Create a link for choosing a new password; earlier links of the user become invalid."""
        return self._to.send("POST", f"/users/{user_id}/link", OneTimeLink)

    def list_members(self, project_id: int) -> list[Member]:
        """List the members of a project."""
        return self._to.list_all(f"/projects/{project_id}/members", NotebookPage[Member])

    def add_member(self, project_id: int, new: NewMember) -> Member:
        """Add a user with an account to a project."""
        return self._to.send("POST", f"/projects/{project_id}/members", Member, new)

    def update_member(self, project_id: int, user_id: UUID, change: MemberUpdate) -> Member:
        """Change the role of a member."""
        return self._to.send("PATCH", f"/projects/{project_id}/members/{user_id}", Member, change)

    def remove_member(self, project_id: int, user_id: UUID) -> None:
        """Remove a member from a project."""
        self._to.send("DELETE", f"/projects/{project_id}/members/{user_id}", type(None))

    def list_sessions(self) -> list[BrowserSession]:
        """List the browser sessions of the token's user."""
        return self._to.list_all("/auth/sessions", NotebookPage[BrowserSession])

    def end_session(self, session_id: UUID) -> None:
        """End a browser session."""
        self._to.send("DELETE", f"/auth/sessions/{session_id}", type(None))

    def end_sessions(self) -> None:
        """End all browser sessions."""
        self._to.send("DELETE", "/auth/sessions", type(None))

    def change_password(self, change: PasswordUpdate) -> None:
        """Set the password of the token's user, and end their sessions."""
        self._to.send("PUT", "/auth/password", type(None), change)
