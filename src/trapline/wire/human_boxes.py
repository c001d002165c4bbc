"""Boxes by people: annotations that a person drew, in addition to those of models.

A point and a polygon are further shapes of such a box.
"""

from typing import Annotated

from pydantic import Field, model_validator

from trapline.wire.identifications import (
    IdentificationTaxon,
    IndividualName,
    LifeStage,
    NumberOfIndividuals,
    Sex,
)
from trapline.wire.values import UUID, AnyText, Message, Name, Real, Request, Time

MOST_BOXES = 1000
"""Maximum number of boxes in one request."""
SMALLEST_SIDE = 2
"""Minimum width and height of a box and of a polygon, in pixels."""
MOST_CORNERS = 500
"""Maximum number of corners of a polygon."""
MOST_CORNERS_OF_REQUEST = 10_000
"""Maximum number of corners of all polygons in one request."""

Position = Annotated[
    list[Annotated[Real, Field(ge=0)]], Field(min_length=2, max_length=2, examples=[[60, 40]])
]
"""x and y in pixels of the upright image, from its top left."""
Polygon = Annotated[list[Position], Field(min_length=3, max_length=MOST_CORNERS)]
"""The corners of a polygon in order; the last corner is connected to the first."""


class HumanBoxCorners(Request):
    """Corners of a box in pixels of the upright image, from its top left.

    A box has at least 2 by 2 pixels.
    """

    x_min: Real = Field(ge=0, description="Left edge in pixels.", examples=[10])
    y_min: Real = Field(ge=0, description="Top edge in pixels.", examples=[20])
    x_max: Real = Field(ge=0, description="Right edge in pixels.", examples=[110])
    y_max: Real = Field(ge=0, description="Bottom edge in pixels.", examples=[90])

    @model_validator(mode="after")
    def _not_too_small(self) -> "HumanBoxCorners":
        width, height = self.x_max - self.x_min, self.y_max - self.y_min
        if width < SMALLEST_SIDE or height < SMALLEST_SIDE:
            raise ValueError(f"must be at least {SMALLEST_SIDE} pixels wide and high")
        return self


class _Shape(Request):
    box: HumanBoxCorners | None = None
    point: Position | None = Field(
        default=None, description="A point instead of a box, as [x, y] in pixels."
    )
    polygon: Polygon | None = Field(
        default=None,
        description=(
            "A polygon instead of a box: 3 to 500 corners [x, y] in pixels, in order. Its edges do "
            "not touch or cross each other."
        ),
    )


class NewHumanBox(_Shape):
    """Request for a box, a point or a polygon that a person drew, with a taxon or a label."""

    id: UUID | None = Field(
        default=None,
        description=(
            "A random ID that the client chose, so that it can refer to the box before the server "
            "has stored it. With the ID of a box on this image that the caller withdrew, that box "
            "is restored with these values."
        ),
    )
    image: UUID
    supersedes: UUID | None = Field(
        default=None, description="The annotation of a model on this image that the box corrects."
    )
    taxon: UUID | None = None
    label: Name | None = None
    count: NumberOfIndividuals | None = None
    sex: Sex | None = None
    life_stage: LifeStage | None = None
    behaviour: Name | None = None
    individual_id: IndividualName | None = None


class NewHumanBoxes(Request):
    """Request for boxes that people drew, stored all or none."""

    annotations: Annotated[list[NewHumanBox], Field(min_length=1, max_length=MOST_BOXES)]


class HumanBoxUpdate(_Shape):
    """Changes of a person's box; omitted fields keep their values, and null clears a detail.

    A `box`, `point` or `polygon` replaces the shape. A `label` without a `taxon` removes the taxon.
    """

    taxon: UUID | None = None
    label: Name | None = None
    count: NumberOfIndividuals | None = None
    sex: Sex | None = None
    life_stage: LifeStage | None = None
    behaviour: Name | None = None
    individual_id: IndividualName | None = None


class HumanBoxChange(Message):
    """One change of a person's box.

    `version` is the version that the change created. `taxon` and one of `box`, `point` and
    `polygon` are the values before the change. The last change of a withdrawn box is its
    withdrawal.
    """

    version: int
    by: AnyText
    person_id: UUID | None
    changed_at: Time
    box: HumanBoxCorners | None
    point: Position | None
    polygon: Polygon | None
    taxon: IdentificationTaxon


class HumanBoxHistory(Message):
    """The changes of a person's box, the newest first."""

    changes: list[HumanBoxChange]
