"""Conditions of lists of annotations and of counts by day."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True)
class DayFilter:
    """Conditions of a list of counts by day; None matches all.

    Days are from `day_after` on and before `day_before`.
    """

    project_id: int
    deployment_id: UUID | None = None
    class_name: str | None = None
    day_after: date | None = None
    day_before: date | None = None


@dataclass(frozen=True)
class AnnotationFilter:
    """Conditions of a list of the annotations of an analysis; None matches all."""

    annotation_type: str | None = None
    class_name: str | None = None
    confidence_min: float | None = None


@dataclass(frozen=True)
class AnnotationSearchFilter:
    """Conditions of a search for annotations; None matches all.

    `model` is the slug of a pipeline or the name of an external model. Times are capture times.
    """

    annotation_type: str | None = None
    class_name: str | None = None
    confidence_min: float | None = None
    confidence_max: float | None = None
    deployment_id: UUID | None = None
    captured_after: datetime | None = None
    captured_before: datetime | None = None
    model: str | None = None
    model_version: str | None = None
    algorithm: str | None = None
    job_id: int | None = None
    taxon_id: UUID | None = None
    image_id: UUID | None = None
    reviewed: bool | None = None
