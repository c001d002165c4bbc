"""Conditions of lists of identifications."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class IdentificationFilter:
    """Conditions of a list of identifications; None matches all.

    `made_by` is a user in the form that the audit uses.
    """

    image_id: UUID | None = None
    annotation_id: UUID | None = None
    kind: str | None = None
    made_by: str | None = None
    taxon_id: UUID | None = None
    withdrawn: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
