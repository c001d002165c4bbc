"""Conditions of lists of identifications."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class ObservationFilter:
    """Conditions of a list of observations; None matches all.

    `human` matches observations that people decided, or if false those of models. `identified_by`
    is a user in the form that the audit uses.
    """

    image_id: UUID | None = None
    sequence_ids: Sequence[UUID] = field(default_factory=list)
    deployment_id: UUID | None = None
    taxon_id: UUID | None = None
    name: str | None = None
    kind: str | None = None
    human: bool | None = None
    identified_by: str | None = None
    needs_review: bool | None = None
    individual_id: str | None = None
    count_min: int | None = None
    captured_after: datetime | None = None
    captured_before: datetime | None = None
