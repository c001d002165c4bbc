"""Annotations that external pipelines post in bulk."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trapline.wire.annotations import Annotation, AnnotationType
from trapline.wire.values import UUID, Count, Fraction, FreeObject, Message, Request, Text

LARGEST_ORDERING = 2**31 - 1


class BulkMode(StrEnum):
    """Whether posted annotations are added to the stored ones, or replace them."""

    APPEND = "append"
    REPLACE = "replace"


Ordering = Annotated[int, Field(strict=True, ge=-(2**31), le=LARGEST_ORDERING)]


class BulkAnnotation(Request):
    """One annotation; `data` has the form of its type.

    `parent` identifies the box of a classification: the ordering of a box in the same request, or
    the ID of a stored box.
    """

    annotation_type: AnnotationType
    data: FreeObject
    class_name: Annotated[Text, Field(max_length=255)] | None = None
    confidence: Fraction | None = None
    storage_path: Annotated[Text, Field(max_length=1000)] | None = None
    ordering: Ordering | None = None
    parent: Ordering | UUID | None = None


class BulkAnnotationsRequest(Request):
    """A request with annotations: all of them are stored, or none."""

    annotations: list[BulkAnnotation]
    mode: BulkMode = BulkMode.APPEND


class BulkAnnotationsResult(Message):
    """IDs of the posted annotations in the order of the request; equal annotations have one ID.

    `created` annotations are new, `unchanged` ones were stored before or repeated, and `total` is
    the present number of annotations of the analysis.
    """

    annotations: list[Annotation]
    created: Count
    unchanged: Count
    total: Count
