"""Conditions of lists of images and of searches for annotations."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True)
class ImageFilter:
    """Conditions of a list of images; None matches all.

    `analysis_state` is the state of the newest analysis, or none. Days are in the time zone of each
    image, from `day_after` on and before `day_before`.
    """

    deployment_id: UUID | None = None
    class_name: str | None = None
    taxon_id: UUID | None = None
    analysis_state: str | None = None
    captured_after: datetime | None = None
    captured_before: datetime | None = None
    day_after: date | None = None
    day_before: date | None = None
    confidence_min: float | None = None
    blank: bool | None = None
    reviewed: bool | None = None
    job_id: int | None = None
    tag: str | None = None
    starred: bool | None = None
    sequence_id: UUID | None = None
    camera_time: bool | None = None
    truncated: bool | None = None
    deleted: bool = False


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
