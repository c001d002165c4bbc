"""The two ways in which a call to the server can fail."""

from collections.abc import Sequence

from trapline.wire.images import UploadResult
from trapline.wire.problem import FieldProblem


class ApiError(Exception):
    """Either of the two.

    `sent` is what came of the files before, where an upload of many broke off.
    """

    sent: UploadResult | None = None


class ApiStatusError(ApiError):
    """The server refused the request: `detail` is its message, `errors` lists the invalid
    fields.

    `retry_after_s` is how long the server asked to be left alone, where it did.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[FieldProblem] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        fields = "; ".join(f"{problem.where}: {problem.message}" for problem in self.errors)
        return f"{self.detail} ({fields})" if fields else self.detail

    @property
    def is_transient(self) -> bool:
        """Whether the same call may succeed later: the server is overloaded, starting or broken."""
        return self.status == 429 or self.status >= 500


class ApiConnectionError(ApiError):
    """No answer came: nothing listens there, the network is cut, or the time was up."""
