"""Deployments: one camera at one place over one period."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from trapline.wire.values import (
    UUID,
    AnyText,
    Count,
    GivenTime,
    Id,
    Message,
    Name,
    Real,
    Request,
    Text,
    Time,
)


def _known_zone(name: str) -> str:
    from zoneinfo import available_timezones

    if name not in available_timezones():
        raise ValueError("must be an IANA time zone, such as Europe/Berlin or UTC")
    return name


Latitude = Annotated[Real, Field(ge=-90, le=90)]
Longitude = Annotated[Real, Field(ge=-180, le=180)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_known_zone)]
ClockOffset = Annotated[int, Field(ge=-3_153_600_000, le=3_153_600_000)]


class DeploymentOrder(StrEnum):
    """How deployments are ordered: by their names, or by when they were made."""

    BY_NAME = "name"
    BY_NAME_BACKWARDS = "-name"
    OLDEST_FIRST = "created_at"
    NEWEST_FIRST = "-created_at"


class ZoneSource(StrEnum):
    """Where the time zone of a deployment comes from: a person or program, its coordinates, or the default, UTC."""

    GIVEN = "given"
    COORDINATES = "coordinates"
    DEFAULT = "default"


class NewDeployment(Request):
    """Create a deployment. `clock_offset_s` is added to what the camera's clock said, in seconds.

    Without a `time_zone` it is that of the coordinates, and UTC without coordinates.
    """

    project: Id
    name: Name
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    coordinate_uncertainty_m: Annotated[Real, Field(ge=0)] | None = None
    time_zone: TimeZone | None = None
    clock_offset_s: ClockOffset = 0
    camera: Text = ""
    habitat: Text = ""
    notes: Text = ""
    started_at: GivenTime | None = None
    ended_at: GivenTime | None = None


class DeploymentUpdate(Request):
    """Change a deployment; what is left out stays as it is.

    New coordinates change the time zone as well if it was never given and the deployment has no
    images. A new time zone is that of the images to come; with `redate_images` the images that are
    there are dated again in it.
    """

    name: Name | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    coordinate_uncertainty_m: Annotated[Real, Field(ge=0)] | None = None
    time_zone: TimeZone | None = None
    clock_offset_s: ClockOffset | None = None
    redate_images: bool = False
    camera: Text | None = None
    habitat: Text | None = None
    notes: Text | None = None
    started_at: GivenTime | None = None
    ended_at: GivenTime | None = None


class Deployment(Message):
    """A deployment, with how many images it has and when the last one was taken.

    The default one takes the images of its project that belong to no other. While it is
    `capture_times_pending`, its capture times are recomputed with its clock offset;
    `previous_clock_offset_s` is the offset that undo restores. `silent_since` is the time of the
    last image, if that is three days ago and the period has not ended. `time_zone_source` states
    whether the time zone was given, found by the coordinates, or is the default, UTC. `utc_assumed`
    is true where no zone was given and the times of its camera were read as UTC; then
    `suggested_time_zone` is the zone of its coordinates, if it has any. While it is
    `capture_times_pending`, `images_dated` of `images_to_date` have been dated again.
    """

    id: UUID
    project_id: Id
    name: AnyText
    latitude: float | None
    longitude: float | None
    coordinate_uncertainty_m: float | None
    time_zone: AnyText
    time_zone_source: ZoneSource = ZoneSource.GIVEN
    clock_offset_s: int
    previous_clock_offset_s: int | None = None
    previous_time_zone: AnyText | None = None
    utc_assumed: bool = False
    suggested_time_zone: AnyText | None = None
    capture_times_pending: bool = False
    images_to_date: Count = 0
    images_dated: Count = 0
    is_default: bool = False
    camera: AnyText
    habitat: AnyText
    notes: AnyText
    started_at: Time | None
    ended_at: Time | None
    images: Count
    last_image_at: Time | None
    silent_since: Time | None = None
    created_at: Time
    updated_at: Time


class ClockOffsetRequest(Request):
    """Another clock offset, in seconds that are added to what the camera's clock said, or another
    time zone, or both.

    With a time zone, all images are compared with it; what is left out stays as it is.
    """

    clock_offset_s: ClockOffset | None = None
    time_zone: TimeZone | None = None


class CaptureTimeChange(Message):
    """An image whose capture time would move."""

    image_id: UUID
    filename: AnyText
    captured_at: Time
    would_be: Time


class ClockPreview(Message):
    """Preview of the effect of another clock offset or time zone.

    `moved` images get another capture time; those that were `edited` by hand and those
    `without_camera_time` stay.
    """

    clock_offset_s: int
    clock_offset_now_s: int
    time_zone: AnyText
    time_zone_now: AnyText
    moved: Count
    edited: Count
    without_camera_time: Count
    first: list[CaptureTimeChange]


class DeploymentImportResult(Message):
    """Result of the import of a deployment sheet."""

    created: Count
    changed: Count
    unchanged: Count
