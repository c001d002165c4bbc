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
        """Ask to be written to; asked for again, the same kind (and class) is changed."""
        return self._to.send("POST", "/notification-subscriptions", Notice, new)

    def delete_notice(self, notice_id: UUID) -> None:
        """End a notice; what was not sent yet is not sent."""
        self._to.send("DELETE", f"/notification-subscriptions/{notice_id}", type(None))

    def send_test_email(self) -> EmailTestResult:
        """Send the token's person an e-mail now, once; answers how that went."""
        return self._to.send("POST", "/notification-subscriptions/test", EmailTestResult)
