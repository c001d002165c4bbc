"""Identifications: statements of people about what annotations and images show."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from trapline.wire.values import (
    UUID,
    AnyText,
    Count,
    GivenTime,
    Id,
    Message,
    Name,
    Request,
    Text,
    Time,
)

MOST_AT_ONCE = 1000
"""Maximum number of annotations, images and sequences in one request."""
MOST_SEQUENCE_IMAGES = 10_000
"""Maximum number of images in all sequences of one request."""
MOST_TAXA = 50
"""Maximum number of taxa in one identification."""
LARGEST_COUNT = 1_000_000


class IdentificationKind(StrEnum):
    """Kind of an identification: confirmation, another taxon, blank, unknown, or a comment."""

    CONFIRM = "confirm"
    CORRECT = "correct"
    BLANK = "blank"
    UNSURE = "unsure"
    COMMENT = "comment"


class Sex(StrEnum):
    """Sex of an animal; omitted if it is unknown."""

    FEMALE = "female"
    MALE = "male"


class LifeStage(StrEnum):
    """Life stage of an animal; omitted if it is unknown."""

    ADULT = "adult"
    SUBADULT = "subadult"
    JUVENILE = "juvenile"


class ApplyTo(StrEnum):
    """The images of a sequence that get its taxa: those with a model's box, or all."""

    BOXES = "boxes"
    ALL = "all"


class IdentificationTaxon(Message):
    """One of the taxa that an identification names, with its details.

    `label` is the given name; with `taxon_id` it is the scientific name at that time.
    """

    taxon_id: UUID | None = None
    label: AnyText
    count: int | None = Field(default=None, description="Number of individuals; null if unknown.")
    sex: Sex | None = None
    life_stage: LifeStage | None = None
    behaviour: AnyText | None = None
    individual_id: AnyText | None = None


class Identification(Message):
    """Identification of an annotation, or of a whole image if `annotation_id` is null.

    `taxa` has all taxa of a correction; `taxon_id`, `label`, `count` and the other details are
    those of the first. A confirmation of a whole image refers to one analysis, `analysis_id`. An
    identification of a sequence is stored once for each of its images; these have the same
    `statement_id` and are withdrawn together. A withdrawn identification is kept and no longer
    counts.
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
    individual_id: AnyText | None = None
    taxa: list[IdentificationTaxon] = []
    sequence_id: UUID | None = Field(
        default=None, description="The sequence that was identified; null for a single image."
    )
    apply_to: ApplyTo | None = Field(
        default=None, description="The images of the sequence that get its taxa."
    )
    statement_id: UUID | None = Field(
        default=None, description="The ID that all images of an identified sequence share."
    )
    by: AnyText
    person_id: UUID | None
    created_at: Time
    withdrawn_at: Time | None
    withdrawn_by: AnyText | None


IndividualName = Annotated[Name, Field(description="Name of a known individual, as free text.")]
NumberOfIndividuals = Annotated[
    int,
    Field(strict=True, ge=1, le=LARGEST_COUNT, description="Number of individuals.", examples=[2]),
]


class NewIdentificationTaxon(Request):
    """One of several taxa in a correction: a taxon of the species list, or a label."""

    taxon: UUID | None = None
    label: Name | None = None
    count: NumberOfIndividuals | None = None
    sex: Sex | None = None
    life_stage: LifeStage | None = None
    behaviour: Name | None = None
    individual_id: IndividualName | None = None


class IdentificationStatement(Request):
    """The statement of an identification, without its subjects.

    A correction has one taxon, with `taxon` or `label` and its details, or several, with `taxa`.
    """

    kind: IdentificationKind
    taxon: UUID | None = None
    label: Name | None = None
    taxa: (
        Annotated[list[NewIdentificationTaxon], Field(min_length=1, max_length=MOST_TAXA)] | None
    ) = Field(default=None, description="All taxa that an image or a sequence shows.")
    comment: Annotated[Text, Field(min_length=1)] | None = None
    count: NumberOfIndividuals | None = None
    sex: Sex | None = None
    life_stage: LifeStage | None = None
    behaviour: Name | None = None
    individual_id: IndividualName | None = None


class NewIdentification(IdentificationStatement):
    """Request for one identification of annotations, whole images or sequences.

    A correction has one taxon, with `taxon` or `label` and its details, or several, with `taxa`.
    The confirmation of a whole image confirms its newest completed analysis, even if that analysis
    found nothing.
    """

    annotations: Annotated[list[UUID], Field(max_length=MOST_AT_ONCE)] = []
    images: Annotated[list[UUID], Field(max_length=MOST_AT_ONCE)] = []
    sequences: Annotated[
        list[UUID],
        Field(
            max_length=MOST_AT_ONCE,
            description="Sequences of images; the images that they have now are identified.",
        ),
    ] = []
    apply_to: ApplyTo | None = Field(
        default=None,
        description=(
            "With a correction of sequences: `boxes` (the default) names the boxes of their "
            "images, and images without a box stay as they are; `all` gives the taxa also to "
            "images without a box."
        ),
    )
    independent: bool | None = Field(
        default=None,
        description=(
            "Decided without the decisions of other people, as in a review set: a confirmation "
            "confirms the results of models with the caller's own boxes and decisions."
        ),
    )


class NewIdentifications(Request):
    """Request for identifications: all of them are stored, or none.

    They name at most 1,000 annotations, images and sequences. The sequences have at most 10,000
    images.
    """

    identifications: Annotated[
        list[NewIdentification], Field(min_length=1, max_length=MOST_AT_ONCE)
    ]
    seen: GivenTime | None = Field(
        default=None,
        description="When the caller read what the images show: the header `X-Trapline-Time` of "
        "that response. If another user decided about one of the images after this time, or "
        "changed its boxes, nothing is stored (409). The same applies if an image is confirmed "
        "whose results of models changed after this time. An independent identification is not "
        "compared with the decisions of others.",
    )

    @model_validator(mode="after")
    def _not_too_many(self) -> "NewIdentifications":
        named = (
            len(one.annotations) + len(one.images) + len(one.sequences)
            for one in self.identifications
        )
        if sum(named) > MOST_AT_ONCE:
            raise ValueError(
                f"must be about at most {MOST_AT_ONCE:,} annotations, images and sequences"
            )
        return self


class CreatedIdentifications(Message):
    """The stored identifications, in the order of the request.

    There is one for each annotation and image, and for each image of a sequence.
    """

    identifications: list[Identification]


class WithdrawRequest(Request):
    """Identifications to withdraw, all of them or none.

    An identification of a sequence is withdrawn for all its images, even if only one of its IDs is
    given.
    """

    identifications: Annotated[list[UUID], Field(min_length=1, max_length=MOST_AT_ONCE)]


class WithdrawResult(Message):
    """Numbers of identifications that were withdrawn now, and that were withdrawn before.

    Each image of an identified sequence counts as one.
    """

    withdrawn: Count
    unchanged: Count


class IdentificationOrder(StrEnum):
    """Order of identifications: by time of creation."""

    NEWEST_FIRST = "-created_at"
    OLDEST_FIRST = "created_at"
