"""Methods for notices: e-mails about events, to the user of the token."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.wire.notices import EmailTestResult, NewNotice, Notice, Notices


class NoticeApi:
    """Methods for the notices of the token's user."""

    _to: ApiSession

    def list_notices(self, **filters: str | int | float | None) -> Notices:
        """List the notices of the token's user, newest first; filters: project, cursor, limit."""
        return self._to.get("/notification-subscriptions", Notices, filters)

    def create_notice(self, new: NewNotice) -> Notice:
        """Create a notice by e-mail; a second one of the same kind (and class) replaces it."""
        return self._to.send("POST", "/notification-subscriptions", Notice, new)

    def delete_notice(self, notice_id: UUID) -> None:
        """Delete a notice; pending e-mails are not sent."""
        self._to.send("DELETE", f"/notification-subscriptions/{notice_id}", type(None))

    def send_test_email(self) -> EmailTestResult:
        """Send a test e-mail to the token's user; return its result."""
        return self._to.send("POST", "/notification-subscriptions/test", EmailTestResult)
