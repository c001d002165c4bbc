"""Camera health: which deployments need a visit."""

from enum import StrEnum

from pydantic import Field

from trapline.wire.insight_summary import DeploymentState
from trapline.wire.insights import InsightNote
from trapline.wire.values import UUID, AnyText, Count, Fraction, Message, Real, Time


class HealthProblem(StrEnum):
    """A reason to visit a camera."""

    NO_IMAGES = "no_images"
    SILENT = "silent"
    CLOCK_IN_FUTURE = "clock_in_future"
    WITHOUT_CAMERA_TIME = "without_camera_time"
    MOSTLY_BLANK = "mostly_blank"
    FEWER_IMAGES = "fewer_images"


class CameraStatus(Message):
    """Health of the camera of a deployment, from its images; `urgency` is from 0 to 100."""

    deployment_id: UUID
    name: AnyText
    state: DeploymentState
    urgency: Count
    problems: list[HealthProblem]
    images: Count
    images_per_day: Real | None = Field(description="Of the whole deployment.")
    recent_images_per_day: Real | None = Field(description="Of the last 7 days.")
    blank_share: Fraction | None
    first_image_at: Time | None
    last_image_at: Time | None
    days_since_last_image: Real | None
    images_in_future: Count
    images_without_camera_time: Count


class CameraHealth(Message):
    """Cameras by the urgency of a visit, the most urgent first."""

    cameras: list[CameraStatus]
    notes: list[InsightNote]
