"""What a token may do about notices: what its person is written to about, by e-mail."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.wire.notices import EmailTestResult, NewNotice, Notice, Notices


class NoticeApi:
    """What a token may do about its person's notices."""

    _to: ApiSession

    def list_notices(self, **filters: str | int | float | None) -> Notices:
        """What the token's person asked for, newest first; filters are project, cursor, limit."""
        return self._to.get("/notices", Notices, filters)

    def create_notice(self, new: NewNotice) -> Notice:
        """Ask to be written to; asked for again, the same kind (and class) is changed."""
        return self._to.send("POST", "/notices", Notice, new)

    def delete_notice(self, notice_id: UUID) -> None:
        """End a notice; what was not sent yet is not sent."""
        self._to.send("DELETE", f"/notices/{notice_id}", type(None))

    def send_test_email(self) -> EmailTestResult:
        """Send the token's person an e-mail now, once; answers how that went."""
        return self._to.send("POST", "/notices/test", EmailTestResult)
