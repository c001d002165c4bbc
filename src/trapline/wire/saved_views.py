"""Saved views: named filters of the images of a project, which its members share."""

from typing import Annotated

from pydantic import AfterValidator, Field

from trapline.wire.image_filters import ImageConditions
from trapline.wire.images import LARGEST_SEED, ImageOrder
from trapline.wire.values import UUID, AnyText, Id, Message, Request, Time, reject_nul


def _trim(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise ValueError("must not be empty")
    return name


ViewName = Annotated[str, Field(max_length=100), AfterValidator(reject_nul), AfterValidator(_trim)]
"""The name of a saved view; spaces around it are removed."""

Seed = Annotated[int, Field(strict=True, ge=0, le=LARGEST_SEED)]


class ViewConditions(ImageConditions):
    """The filter of a saved view; `deleted` shows only deleted images, to managers."""

    deleted: bool = False


class NewSavedView(Request):
    """Request to save a filter of images with an order under a name."""

    project: Id
    name: ViewName
    filter: ViewConditions = ViewConditions()
    order: ImageOrder = ImageOrder.NEWEST_FIRST
    seed: Seed = 0


class SavedViewUpdate(Request):
    """Request to update a saved view; omitted fields keep their values.

    `filter` replaces all conditions.
    """

    name: ViewName | None = None
    filter: ViewConditions | None = None
    order: ImageOrder | None = None
    seed: Seed | None = None


class SavedView(Message):
    """A filter of the images of a project under a name; `created_by` is the name of a user.

    `can_change`: the caller created it or manages the project.
    """

    id: UUID
    project_id: Id
    name: AnyText
    filter: ViewConditions
    order: ImageOrder
    seed: int
    created_by: AnyText | None
    can_change: bool
    created_at: Time
    updated_at: Time
