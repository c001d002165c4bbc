"""Annotations that external pipelines post in bulk."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trapline.wire.annotations import Annotation, AnnotationType
from trapline.wire.values import UUID, Count, Fraction, FreeObject, Message, Request, Text

LARGEST_ORDERING = 2**31 - 1


class BulkMode(StrEnum):
    """Whether what is posted comes to what is there, or takes its place."""

    APPEND = "append"
    REPLACE = "replace"


Ordering = Annotated[int, Field(strict=True, ge=-(2**31), le=LARGEST_ORDERING)]


class BulkAnnotation(Request):
    """One annotation; `data` has the form of its type. `parent` names the box of a classification.

    It is the ordering of a box in the same request, or the id of one that is there.
    """

    annotation_type: AnnotationType
    data: FreeObject
    class_name: Annotated[Text, Field(max_length=255)] | None = None
    confidence: Fraction | None = None
    storage_path: Annotated[Text, Field(max_length=1000)] | None = None
    ordering: Ordering | None = None
    parent: Ordering | UUID | None = None


class BulkAnnotationsRequest(Request):
    """A request of annotations: all of them are stored, or none."""

    annotations: list[BulkAnnotation]
    mode: BulkMode = BulkMode.APPEND


class BulkAnnotationsResult(Message):
    """The annotations that were posted, with their ids and in their order; equal ones are one.

    `created` are new, `unchanged` were there or came twice, `total` is how many the analysis has
    now.
    """

    annotations: list[Annotation]
    created: Count
    unchanged: Count
    total: Count
