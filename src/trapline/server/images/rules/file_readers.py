"""Readers of signed URLs: the caller, and whether the URL is valid for a deleted image."""

from dataclasses import dataclass
from uuid import UUID

_DELETED = "deleted"
_LEASE = "lease"
_WORKER = "worker"
_AUDIENCE = "as-"


@dataclass(frozen=True)
class FileReader:
    """The caller that a signed URL was created for.

    `sees_deleted` is a manager who lists deleted images. The URL of a leased task (`has_lease`) is
    valid longer than others, so the access of its caller is checked at each read. Reads of a worker
    are recorded by its job. `audience` is the role whose view of sensitive locations the file must
    not exceed; without one it is the strictest.
    """

    actor: str | None = None
    image_id: UUID | None = None
    sees_deleted: bool = False
    has_lease: bool = False
    is_worker: bool = False
    audience: str | None = None

    def format(self) -> str | None:
        """Format the reader for the query of a URL; None if no field is set."""
        whose = (
            [] if self.actor is None or self.image_id is None else [self.actor, str(self.image_id)]
        )
        flags = {_DELETED: self.sees_deleted, _LEASE: self.has_lease, _WORKER: self.is_worker}
        named = [] if self.audience is None else [f"{_AUDIENCE}{self.audience}"]
        words = [*whose, *(flag for flag, is_set in flags.items() if is_set), *named]
        return " ".join(words) or None

    @property
    def token_id(self) -> UUID | None:
        """The API token of the reader, if it has one."""
        kind, _, key = (self.actor or "").partition(":")
        return UUID(key) if kind == "token" else None


def parse_reader(text: str | None) -> FileReader:
    """Parse a reader whose signature was verified."""
    words = (text or "").split(" ")
    flags = {word for word in words if word in (_DELETED, _LEASE, _WORKER)}
    audience = next((word for word in words if word.startswith(_AUDIENCE)), None)
    whose = [word for word in words if word and word not in flags and word != audience]
    actor, image_id = (whose[0], UUID(whose[1])) if len(whose) == 2 else (None, None)
    return FileReader(
        actor,
        image_id,
        _DELETED in flags,
        _LEASE in flags,
        _WORKER in flags,
        audience.removeprefix(_AUDIENCE) if audience is not None else None,
    )
