"""Identifications: what people say that annotations, and whole images, really are."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from trapline.wire.values import UUID, AnyText, Count, Id, Message, Name, Request, Text, Time

MOST_AT_ONCE = 1000
"""How many annotations and images one request is about at most."""
LARGEST_COUNT = 1_000_000


class IdentificationKind(StrEnum):
    """Kind of an identification: confirmation, another taxon, blank, unknown, or a comment."""

    CONFIRM = "confirm"
    CORRECT = "correct"
    BLANK = "blank"
    UNSURE = "unsure"
    COMMENT = "comment"


class Sex(StrEnum):
    """The sex of what is seen; left out where it is not known."""

    FEMALE = "female"
    MALE = "male"


class LifeStage(StrEnum):
    """How old what is seen is; left out where it is not known."""

    ADULT = "adult"
    SUBADULT = "subadult"
    JUVENILE = "juvenile"


class Identification(Message):
    """Identification of an annotation, or of a whole image if `annotation_id` is null.

    `label` is the given name; with `taxon_id` it is the scientific name at that time. A
    confirmation of a whole image is of one analysis, `analysis_id`. One that is withdrawn stays,
    and counts no longer.
    """

    id: UUID
    project_id: Id
    image_id: UUID
    annotation_id: UUID | None
    analysis_id: UUID | None
    kind: IdentificationKind
    taxon_id: UUID | None
    label: AnyText | None
    comment: AnyText | None
    count: int | None
    sex: Sex | None
    life_stage: LifeStage | None
    behaviour: AnyText | None
    by: AnyText
    person_id: UUID | None
    created_at: Time
    withdrawn_at: Time | None
    withdrawn_by: AnyText | None


class NewIdentification(Request):
    """Request for one identification of annotations, of whole images, or of both.

    To confirm a whole image means that its newest completed analysis is right, also if that
    found nothing.
    """

    kind: IdentificationKind
    annotations: Annotated[list[UUID], Field(max_length=MOST_AT_ONCE)] = []
    images: Annotated[list[UUID], Field(max_length=MOST_AT_ONCE)] = []
    taxon: UUID | None = None
    label: Name | None = None
    comment: Annotated[Text, Field(min_length=1)] | None = None
    count: Annotated[int, Field(strict=True, ge=1, le=LARGEST_COUNT)] | None = None
    sex: Sex | None = None
    life_stage: LifeStage | None = None
    behaviour: Name | None = None


class NewIdentifications(Request):
    """Request for identifications, stored all or none; at most about 1,000 subjects."""

    identifications: Annotated[
        list[NewIdentification], Field(min_length=1, max_length=MOST_AT_ONCE)
    ]

    @model_validator(mode="after")
    def _not_too_many(self) -> "NewIdentifications":
        if (
            sum(len(one.annotations) + len(one.images) for one in self.identifications)
            > MOST_AT_ONCE
        ):
            raise ValueError(f"must be about at most {MOST_AT_ONCE:,} annotations and images")
        return self


class CreatedIdentifications(Message):
    """The identifications that were stored, one for each annotation and image, in the order in which these came."""

    identifications: list[Identification]


class WithdrawRequest(Request):
    """Identifications that are not to count any longer, all of them or none."""

    identifications: Annotated[list[UUID], Field(min_length=1, max_length=MOST_AT_ONCE)]


class WithdrawResult(Message):
    """How many identifications were withdrawn now, and how many were before."""

    withdrawn: Count
    unchanged: Count


class IdentificationOrder(StrEnum):
    """How identifications are ordered: by when they were made."""

    NEWEST_FIRST = "-created_at"
    OLDEST_FIRST = "created_at"
