"""The errors of requests to the server."""

from collections.abc import Sequence

from trapline.wire.images import UploadResult
from trapline.wire.problem import FieldProblem


class ApiError(Exception):
    """Base class of both errors.

    `sent` has the result of the files that were sent before an upload failed.
    """

    sent: UploadResult | None = None


class ApiStatusError(ApiError):
    """The server refused the request: `detail` is its message, `errors` lists the invalid fields.

    `retry_after_s` is the pause in seconds that the server requested, if any.
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
        """Return whether a retry may succeed: the server is overloaded, starting or failing."""
        return self.status == 429 or self.status >= 500


class ApiConnectionError(ApiError):
    """There was no response: no server is listening, the network failed, or the time was up."""
