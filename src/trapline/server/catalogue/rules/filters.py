"""What lists are narrowed by: said by routes, taken on by actions, made into SQL by db."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True)
class ImageFilter:
    """Which of the images that the caller sees; None takes all. `analysis_state` is the newest
    analysis's, or none.

    Days are those of each image's own zone, from the first on and before the second.
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
class DayFilter:
    """Which counts by day: of a project, where named of a deployment and a class, from a day on and before another."""

    project_id: int
    deployment_id: UUID | None = None
    class_name: str | None = None
    day_after: date | None = None
    day_before: date | None = None


@dataclass(frozen=True)
class AnnotationFilter:
    """Which of an analysis's annotations; None takes all."""

    annotation_type: str | None = None
    class_name: str | None = None
    confidence_min: float | None = None


@dataclass(frozen=True)
class AnnotationSearchFilter:
    """Which annotations; None takes all.

    `model` is a pipeline's slug or an outside model's name, times are images'.
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


@dataclass(frozen=True)
class IdentificationFilter:
    """Which identifications; None takes all. `made_by` is a person as the audit writes them."""

    image_id: UUID | None = None
    annotation_id: UUID | None = None
    kind: str | None = None
    made_by: str | None = None
    taxon_id: UUID | None = None
    withdrawn: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries of a webhook; None takes all."""

    state: str | None = None
    event_type: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class ExportFilter:
    """Which exports; None takes all."""

    format: str | None = None
    state: str | None = None


@dataclass(frozen=True)
class DeploymentFilter:
    """Which deployments; None takes all."""

    name: str | None = None
    camera: str | None = None
    habitat: str | None = None


@dataclass(frozen=True)
class WebhookFilter:
    """Which webhooks; None takes all.

    `event_type` is one that they are told of, as those are that are told of all.
    """

    name: str | None = None
    event_type: str | None = None
    is_active: bool | None = None
