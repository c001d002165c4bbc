"""Conditions of lists of annotations of one analysis and of counts by day."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True)
class DayFilter:
    """Conditions of a list of counts by day; None matches all.

    `deployment_ids` are those to count; without one, all. Days are from `day_after` on and before
    `day_before`.
    """

    project_id: int
    deployment_ids: tuple[UUID, ...] = ()
    class_name: str | None = None
    day_after: date | None = None
    day_before: date | None = None


@dataclass(frozen=True)
class AnnotationFilter:
    """Conditions of a list of the annotations of an analysis; None matches all."""

    annotation_type: str | None = None
    class_name: str | None = None
    confidence_min: float | None = None
