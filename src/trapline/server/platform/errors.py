"""All errors that actions raise on purpose, each with its HTTP status.

TraplineError
├── InvalidRequest             400  the request has a fault that its sender can correct
│   └── Unprocessable          422  the request is well-formed, but a value is invalid
├── Unauthenticated            401  no credentials, or invalid ones
├── Forbidden                  403  the caller is known and lacks the permission
│   └── WorkerEnded            403  the worker ID has ended: evicted or replaced
├── NotFound                   404  unknown, or not visible to the caller
├── Conflict                   409  the current state does not allow it
│   ├── ProjectArchived        409  the request would change an archived project
│   └── UnknownWorker          409  the caller has no worker with this ID and must register again
├── PreconditionFailed         412  the object was changed after the caller read it
├── PayloadTooLarge            413  a size limit was exceeded
├── UnsupportedEncoding        415  an encoding or media type that is not supported
├── TooManyRequests            429  a rate limit was exceeded
├── OutboundFailed             502  a request to an external server failed
│   ├── EventRefused           502  an external server refused an event
│   ├── Unanswered             502  an external server did not answer, or closed the connection
│   ├── AskedTooOften          502  an external server answered that it gets too many requests
│   ├── FileGone               502  a file that an external server listed does not exist any more
│   └── AddressNotAllowed      422  connections to this URL are not allowed
└── ServiceUnavailable         503  a required service is unavailable; nothing was stored
    ├── DatabaseUnavailable    503  no connection, or the outcome of a commit is unknown
    ├── StatementTimeout       503  the database cancelled a statement that took too long
    └── OidcProviderUnavailable  503  the OpenID provider does not answer, or not as specified
"""

from collections.abc import Sequence


class TraplineError(Exception):
    """An error for the caller; `detail` describes what happened, what was kept and what to do."""

    status = 500
    title = "Something went wrong"

    def __init__(self, detail: str, problems: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problems = list(problems)


class InvalidRequest(TraplineError):
    """The request has a fault that its sender can correct."""

    status = 400
    title = "Invalid request"


class Unprocessable(InvalidRequest):
    """The request is well-formed, but a value is invalid."""

    status = 422
    title = "Invalid value"


class Unauthenticated(TraplineError):
    """The request has no credentials, or invalid ones."""

    status = 401
    title = "Sign in first"


class Forbidden(TraplineError):
    """The caller is known and lacks the permission."""

    status = 403
    title = "Not allowed"


class WorkerEnded(Forbidden):
    """The worker ID has ended; the worker gets a new one when it registers again."""

    title = "Worker ID ended"


class NotFound(TraplineError):
    """The object is unknown or not visible to the caller; both look the same to hide IDs."""

    status = 404
    title = "Not found"

    def __init__(
        self, detail: str = "The object does not exist, or you do not have access to it."
    ) -> None:
        super().__init__(detail)


class Conflict(TraplineError):
    """The current state does not allow the request."""

    status = 409
    title = "Conflict with the current state"


class ProjectArchived(Conflict):
    """The request would change an archived project."""

    title = "The project is archived"

    def __init__(self) -> None:
        super().__init__(
            "This project is archived and read-only. Nothing was changed. An owner can unarchive "
            "it in its settings, or with `trapline project update NAME --unarchive`."
        )


class UnknownWorker(Conflict):
    """The caller has no worker with this ID."""

    title = "Unknown worker"


class PreconditionFailed(TraplineError):
    """The object was changed after the caller read it."""

    status = 412
    title = "Changed in the meantime"


class PayloadTooLarge(TraplineError):
    """The request exceeds a size limit."""

    status = 413
    title = "Too large"


class UnsupportedEncoding(TraplineError):
    """The encoding or media type is not supported."""

    status = 415
    title = "Unsupported encoding or media type"


class TooManyRequests(TraplineError):
    """The caller exceeded a rate limit; it can try again after `retry_after_s` seconds."""

    status = 429
    title = "Too many requests"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class OutboundFailed(TraplineError):
    """A request to an external server failed.

    `retry_after_s` is the time that the server asked to wait, in seconds.
    """

    status = 502
    title = "An external server could not be reached"

    def __init__(self, detail: str, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class EventRefused(OutboundFailed):
    """An external server was reached and did not accept an event."""


class Unanswered(OutboundFailed):
    """An external server did not answer, or closed the connection."""


class AskedTooOften(OutboundFailed):
    """An external server answered that it gets too many requests; this run sends it no more."""


class FileGone(OutboundFailed):
    """A file that an external server listed does not exist any more; the server works.

    `is_empty` is set for the answer that some servers give for a folder without files.
    """

    title = "A file does not exist any more"

    def __init__(self, detail: str, *, is_empty: bool = False) -> None:
        super().__init__(detail)
        self.is_empty = is_empty


class AddressNotAllowed(OutboundFailed):
    """Connections to this URL, which a user or a server gave, are not allowed."""

    status = 422
    title = "This address is not allowed"


class ServiceUnavailable(TraplineError):
    """A required service is unavailable; nothing was stored, and the request can be sent again."""

    status = 503
    title = "Service unavailable"
    retry_after_s = 5


class DatabaseUnavailable(ServiceUnavailable):
    """The database cannot be reached, or the outcome of a commit is unknown."""

    title = "Database unavailable"


class StatementTimeout(ServiceUnavailable):
    """The database cancelled a statement that took too long; its transaction was rolled back."""

    title = "The database took too long"


class OidcProviderUnavailable(ServiceUnavailable):
    """The OpenID provider does not answer, or not as specified, so it signs in no user."""

    title = "The sign-in of your organisation is not working"
