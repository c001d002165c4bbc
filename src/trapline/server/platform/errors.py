"""Every deliberate failure, each with its HTTP status.

TraplineError
├── Invalid            400  the request is wrong in a way that its sender can mend
│   └── Unprocessable  422  the form is right, a value is not
├── Unauthenticated    401  no caller, or not the one claimed
├── Forbidden          403  the caller is known and may not
│   └── WorkerEnded    403  the worker id is over: evicted, or taken over by a newer process
├── NotFound           404  unknown, or not the caller's: the two look the same
├── Conflict           409  the state forbids it
│   ├── Archived       409  the project is archived, and this would change it
│   └── UnknownWorker  409  no worker of the caller's has this id: it says hello again
├── LostRace           412  somebody else changed it first
├── TooLarge           413  more than a limit allows
├── Unsupported        415  an encoding or media type that is not taken
├── TooMany            429  too often
├── OutboundFailed     502  an outside server could not be spoken to
│   ├── Unanswered     502  an outside server did not answer, or broke the connection
│   ├── AskedTooOften  502  an outside server answers that it gets too many requests
│   ├── FileGone       502  one file that an outside server listed is no longer there
│   └── OutboundRefused 422  an address that a user named may not be connected to
└── Unavailable        503  something that is needed is away; nothing was stored
    ├── DatabaseAway   503  the database is away, or the fate of a commit is unknown
    ├── DatabaseSlow   503  the database gave a statement up, because it took too long
    └── ProviderAway   503  the OpenID provider cannot be asked, or not be understood
"""

from collections.abc import Sequence


class TraplineError(Exception):
    """A failure that a person or program is told about in words; `detail` says what happened and what to do."""

    status = 500
    title = "Something went wrong"

    def __init__(self, detail: str, problems: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problems = list(problems)


class InvalidRequest(TraplineError):
    """The request is wrong in a way that its sender can mend."""

    status = 400
    title = "The request cannot be understood"


class Unprocessable(InvalidRequest):
    """The form is right, a value is not."""

    status = 422
    title = "A value is not right"


class Unauthenticated(TraplineError):
    """No caller, or not the one claimed."""

    status = 401
    title = "Sign in first"


class Forbidden(TraplineError):
    """The caller is known and may not do this."""

    status = 403
    title = "Not allowed"


class WorkerEnded(Forbidden):
    """The worker id is over; a new hello gives a new one."""

    title = "This worker's id is over"


class NotFound(TraplineError):
    """The object is unknown or not visible to the caller; both look the same to hide which IDs exist."""

    status = 404
    title = "Not found"

    def __init__(self, detail: str = "There is nothing here, or it is not yours to see.") -> None:
        super().__init__(detail)


class Conflict(TraplineError):
    """The present state forbids it."""

    status = 409
    title = "The present state forbids it"


class ProjectArchived(Conflict):
    """The project is archived, and this would change it."""

    title = "The project is archived"

    def __init__(self) -> None:
        super().__init__(
            "This project is archived: it is only looked at. Nothing was changed. An owner takes it out of the archive "
            "in its settings, or with `trapline project update NAME --unarchive`."
        )


class UnknownWorker(Conflict):
    """No worker of the caller's has this id."""

    title = "This worker is not known"


class PreconditionFailed(TraplineError):
    """Somebody else changed it since it was read."""

    status = 412
    title = "Changed in the meantime"


class PayloadTooLarge(TraplineError):
    """More than a limit allows."""

    status = 413
    title = "Too large"


class UnsupportedEncoding(TraplineError):
    """An encoding or media type that is not taken."""

    status = 415
    title = "Not a form that is taken"


class TooManyRequests(TraplineError):
    """Too often; try again after `retry_after_s` seconds."""

    status = 429
    title = "Too many requests"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class OutboundFailed(TraplineError):
    """An outside server could not be spoken to; it may have said after how many seconds to come back."""

    status = 502
    title = "An outside server could not be reached"

    def __init__(self, detail: str, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class EventRefused(OutboundFailed):
    """A server that can be reached did not accept an event."""


class Unanswered(OutboundFailed):
    """An outside server did not answer, or broke the connection."""


class AskedTooOften(OutboundFailed):
    """An outside server answers that it gets too many requests; no further request is sent in this run."""


class FileGone(OutboundFailed):
    """One file that an outside server listed is no longer there; the server is well.

    `is_empty` is the answer of a server that lists no empty folder.
    """

    title = "A file is no longer there"

    def __init__(self, detail: str, *, is_empty: bool = False) -> None:
        super().__init__(detail)
        self.is_empty = is_empty


class AddressNotAllowed(OutboundFailed):
    """An address that a user named may not be connected to."""

    status = 422
    title = "This address is not allowed"


class ServiceUnavailable(TraplineError):
    """Something that is needed is away; nothing was stored, and the same request may be sent again."""

    status = 503
    title = "Not available now"
    retry_after_s = 5


class DatabaseUnavailable(ServiceUnavailable):
    """The database is away, or the fate of a commit is unknown."""

    title = "The database is away"


class StatementTimeout(ServiceUnavailable):
    """The database gave a statement up, because it took too long; everything of its transaction is undone."""

    title = "The database took too long"


class OidcProviderUnavailable(ServiceUnavailable):
    """The OpenID provider cannot be asked who somebody is, or not be understood; nobody is signed in by it."""

    title = "The sign-in of your organisation does not work now"
