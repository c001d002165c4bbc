"""Bulk identifications: the same identification of up to 100,000 images, undone as one."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from trapline.wire.identifications import (
    ApplyTo,
    IdentificationKind,
    IdentificationStatement,
    IdentificationTaxon,
)
from trapline.wire.values import UUID, AnyText, Count, Id, Message, Time

MOST_IMAGES = 100_000
"""Maximum number of images of one bulk identification."""
MOST_SEQUENCES = 1000
"""Maximum number of sequences that one request names."""
MOST_EXCLUDED = 10_000
"""Maximum number of images that are left out of a filter."""
MOST_SKIPPED_SHOWN = 100
"""Maximum number of skipped images that are named."""


class BulkState(StrEnum):
    """State of a bulk identification.

    A prepared one has changed nothing. A stopped one keeps its identifications; it can be started
    or withdrawn again.
    """

    PREPARED = "prepared"
    RUNNING = "running"
    COMPLETED = "completed"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"


class BulkUnit(StrEnum):
    """Subject of the identifications: each image, or the selected images of each sequence."""

    IMAGES = "images"
    SEQUENCES = "sequences"


class SkipReason(StrEnum):
    """Reason why an image is skipped.

    `decided` means that another user identified it, or changed its boxes, after the selection was
    shown. `changed` means that its results of models changed after that, so a confirmation would
    confirm results that the user was not shown.
    """

    DELETED = "deleted"
    DECIDED = "decided"
    NOTHING_TO_CONFIRM = "nothing_to_confirm"
    CHANGED = "changed"


class NewBulkIdentification(IdentificationStatement):
    """Request for a bulk identification of images, of sequences, or of all images of a filter.

    The filter is in the query, as for `GET /images`, and applies if the body names neither images
    nor sequences. Nothing is identified before the bulk identification is started.
    """

    images: Annotated[list[UUID], Field(min_length=1, max_length=MOST_IMAGES)] | None = None
    sequences: Annotated[list[UUID], Field(min_length=1, max_length=MOST_SEQUENCES)] | None = None
    excluded: Annotated[
        list[UUID],
        Field(max_length=MOST_EXCLUDED, description="Images that are left out of the selection."),
    ] = []
    unit: BulkUnit | None = Field(
        default=None,
        description="By default `sequences` if the body names sequences, otherwise `images`.",
    )
    apply_to: ApplyTo | None = Field(
        default=None,
        description="With a correction and the unit `sequences`, as in an identification.",
    )

    @model_validator(mode="after")
    def _one_selection(self) -> "NewBulkIdentification":
        if self.images is not None and self.sequences is not None:
            raise ValueError("must name either images or sequences")
        if self.kind is IdentificationKind.COMMENT:
            raise ValueError("must be confirm, correct, blank or unsure: comment on single images")
        return self


class SkippedImage(Message):
    """An image that a bulk identification skipped."""

    image_id: UUID
    reason: SkipReason


class BulkIdentification(Message):
    """A bulk identification and its progress.

    `images` is the number of selected images, and `reviewed` of them were reviewed when they were
    selected. Of the images that are `done`, some are `identified` and the others skipped.
    """

    id: UUID
    project_id: Id
    state: BulkState
    kind: IdentificationKind
    taxa: list[IdentificationTaxon]
    comment: AnyText | None
    unit: BulkUnit
    images: Count
    reviewed: Count
    done: Count
    identified: Count
    skipped: dict[SkipReason, Count]
    skipped_images: list[SkippedImage] = Field(
        description=f"The first {MOST_SKIPPED_SHOWN} images that were skipped."
    )
    withdrawn: Count = Field(description="Number of identifications that were withdrawn with it.")
    reason: AnyText | None = Field(description="Why it stopped.")
    by: AnyText
    person_id: UUID | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
