"""Review sets: lists of images or sequences that several people review together."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from trapline.wire.images import Image
from trapline.wire.observations import Observation
from trapline.wire.values import (
    UUID,
    AnyText,
    Count,
    Fraction,
    Id,
    Message,
    Name,
    Real,
    Request,
    Time,
)

MOST_IMAGES = 100_000
"""Maximum number of images in a review set."""
MOST_REVIEWS = 5
"""Maximum number of independent reviews of an item."""
MOST_PEOPLE = 200
"""Maximum number of people to whom a review set is assigned."""
MOST_CLAIMED = 50
"""Maximum number of items that one person holds through one request."""
MOST_CONTROLS = 1000
"""Maximum number of control images in a review set."""
CLAIM_S = 600
"""Time in seconds after which a claim ends unless it is renewed."""


class ReviewUnit(StrEnum):
    """The items of a review set: sequences, or single images."""

    SEQUENCE = "sequence"
    IMAGE = "image"


class ReviewSetKind(StrEnum):
    """The origin of a review set: images that a person chose, or a random audit sample."""

    REVIEW = "review"
    RANDOM_AUDIT = "random_audit"


class ReviewSetOrder(StrEnum):
    """Order in which a review set hands out its items: by capture time, or random."""

    NEWEST_FIRST = "-captured_at"
    OLDEST_FIRST = "captured_at"
    RANDOM = "random"


NumberOfReviews = Annotated[
    int,
    Field(
        strict=True,
        ge=1,
        le=MOST_REVIEWS,
        description="The number of people who review each item independently.",
    ),
]
Assigned = Annotated[
    list[UUID],
    Field(
        max_length=MOST_PEOPLE,
        description="The members to whom the set is assigned; empty for all reviewers.",
    ),
]
Position = Annotated[int, Field(strict=True, ge=1, le=MOST_IMAGES)]


class NewReviewSet(Request):
    """Request for a review set of the images that match the filter in the query."""

    name: Name
    unit: ReviewUnit = ReviewUnit.SEQUENCE
    reviews: NumberOfReviews = 1
    people: Assigned = []
    order: ReviewSetOrder = ReviewSetOrder.NEWEST_FIRST


class ReviewSetUpdate(Request):
    """Change of a review set; fields that are left out are kept."""

    name: Name | None = None
    people: Assigned | None = None
    closed: bool | None = Field(
        default=None, description="A closed set hands out no items; its reviews are kept."
    )


class ReviewSetPerson(Message):
    """A person to whom a review set is assigned."""

    user_id: UUID
    name: AnyText


class ReviewSet(Message):
    """A list of items that people review, with its progress.

    `items` is the number of items with an image that is not deleted, and `done` those of them with
    their number of independent reviews. `filter` is the query of the list of images that the set
    was created from; later changes of images do not change the list.
    """

    id: UUID
    project_id: Id
    name: AnyText
    kind: ReviewSetKind
    unit: ReviewUnit
    reviews: int
    order: ReviewSetOrder
    filter: AnyText
    people: list[ReviewSetPerson] = Field(description="Empty if all reviewers can work on it.")
    items: Count
    done: Count
    mine: Count = Field(description="The items that the caller reviewed.")
    open: Count = Field(description="The items that the caller can still review.")
    can_review: bool = Field(description="Whether the set is assigned to the caller, or to all.")
    created_by: AnyText
    created_at: Time
    updated_at: Time
    closed_at: Time | None


class ReviewSetItem(Message):
    """An item of a review set, claimed by the caller.

    `images` are those of the item that are not deleted, in order of time. `sequence_id` is null for
    a single image, and for images whose sequence changed after the set was created. `observations`
    and `images` show the results of models and the caller's own decisions, not those of others.
    """

    position: int
    sequence_id: UUID | None
    images: list[Image]
    observations: list[Observation]


class ReviewClaimRequest(Request):
    """Request for items to review.

    `held` are the positions of items that the caller already holds; their claims are renewed.
    """

    count: Annotated[int, Field(strict=True, ge=0, le=MOST_CLAIMED)] = 10
    held: Annotated[list[Position], Field(max_length=MOST_CLAIMED)] = []

    @model_validator(mode="after")
    def _not_too_many(self) -> "ReviewClaimRequest":
        if self.count + len(self.held) > MOST_CLAIMED:
            raise ValueError(f"count and held must be at most {MOST_CLAIMED} together")
        return self


class ClaimedReviewItems(Message):
    """Items that the caller claimed until `expires_at`; other people do not get them before that.

    `lost` are the positions in `held` that another person claimed or finished meanwhile. With no
    items and `open` above 0, other people hold the remaining items.
    """

    items: list[ReviewSetItem]
    lost: list[int]
    expires_at: Time
    total: Count
    done: Count
    mine: Count
    open: Count = Field(
        description="The items that the caller can still review, held by others too."
    )


class ReviewReleaseRequest(Request):
    """Positions of claims to release; all of the caller's claims in this set if it is null."""

    items: Annotated[list[Position], Field(max_length=MOST_IMAGES)] | None = None


class ReleasedReviewItems(Message):
    """The number of claims that were released."""

    released: Count


class ReviewSetMember(Message):
    """Progress of one person in a review set.

    `controls_right` of `controls` reviewed control items have the known answer; both are null for
    callers who are not owners.
    """

    user_id: UUID
    name: AnyText
    reviewed: Count
    last_review_at: Time | None
    claimed: Count = Field(description="The items that this person holds now.")
    controls: Count | None
    controls_right: Count | None


class AgreementPair(Message):
    """Agreement of two people on the items that both reviewed.

    `kappa` is Cohen's kappa; it is null if both gave one answer to all items.
    """

    first: UUID
    second: UUID
    items: Count
    equal: Count
    share: Fraction
    kappa: Real | None


class ReviewSetAgreement(Message):
    """Agreement between the people of a review set.

    `kappa` is Fleiss' kappa of the `rated` items with exactly `ratings` reviews; it is null if all
    answers are equal or there is no such item. `pending` is the number of reviews whose answers are
    not compared yet: request again to continue.
    """

    pairs: list[AgreementPair]
    compared: Count = Field(description="The items with at least two reviews.")
    unanimous: Count = Field(description="Those of them on which all people agree.")
    ratings: int
    rated: Count
    kappa: Real | None
    pending: Count


class ReviewSetProgress(Message):
    """Progress of a review set by person, and the agreement between people."""

    people: list[ReviewSetMember]
    agreement: ReviewSetAgreement


class ReviewDisagreement(Message):
    """An item on which people gave different answers."""

    position: int
    image_id: UUID
    answers: list["ReviewAnswer"]


class ReviewAnswer(Message):
    """The answer of one person about one item, such as `["Vulpes vulpes"]` or `["blank"]`."""

    user_id: UUID
    name: AnyText
    answer: list[AnyText]


class ReviewDisagreements(Message):
    """The first items on which people gave different answers, in the order of the set."""

    results: list[ReviewDisagreement]


class ReviewControlAnswer(Request):
    """The known answer of a control image: a taxon, a label, or blank."""

    taxon: UUID | None = None
    label: Name | None = None
    blank: bool = False

    @model_validator(mode="after")
    def _one_answer(self) -> "ReviewControlAnswer":
        if (self.taxon is not None) + (self.label is not None) + self.blank != 1:
            raise ValueError("must have either a taxon, a label, or blank")
        return self


class ReviewControl(Message):
    """A control item: its image, and the known answer as a name."""

    image_id: UUID
    position: int
    answer: AnyText
    reviews: Count
    right: Count


class ReviewControls(Message):
    """The control items of a review set, in the order of the set."""

    results: list[ReviewControl]
