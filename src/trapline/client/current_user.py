"""Methods for the user of the token, and for API tokens."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.auth import Caller, CreatedToken, NewToken, Token
from trapline.wire.users import CurrentUserUpdate


class CurrentUserApi:
    """Methods for the user of the token."""

    _to: ApiSession

    def get_caller(self) -> Caller:
        """Return the user or worker of the token."""
        return self._to.get("/auth/me", Caller)

    def update_current_user(self, name: str) -> Caller:
        """Update the name of the token's user."""
        return self._to.send("PATCH", "/auth/me", Caller, CurrentUserUpdate(name=name))

    def list_tokens(self) -> list[Token]:
        """List the caller's API tokens."""
        return self._to.list_all("/auth/tokens", NotebookPage[Token])

    def create_token(self, new: NewToken) -> CreatedToken:
        """Create an API token; only this response has its secret."""
        return self._to.send("POST", "/auth/tokens", CreatedToken, new)

    def revoke_token(self, token_id: UUID) -> None:
        """Revoke an API token."""
        self._to.send("DELETE", f"/auth/tokens/{token_id}", type(None))
