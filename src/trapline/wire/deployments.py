"""Deployments: one camera at one place over one period."""

import re
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from trapline.wire.deployment_fields import (
    DEPLOYMENT_FIELDS,
    LARGEST_DELAY,
    RESERVED_PREFIXES,
    SEPARATOR,
    FeatureType,
    join_list,
    split_list,
)
from trapline.wire.sensitive_taxa import LocationPrecision
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
    reject_nul,
)

MOST_LISTED = 100
LONGEST_SHORT = 255
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


@cache
def load_time_zones() -> frozenset[str]:
    """Load the names of the IANA time zones from the files of this machine: about 13 ms."""
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in load_time_zones():
        raise ValueError("must be an IANA time zone, such as Europe/Berlin or UTC")
    return name


def _one_value(text: str) -> str:
    reject_nul(text)
    if SEPARATOR in text or _CONTROL.search(text):
        raise ValueError(f"must be one line without the separator of lists, {SEPARATOR}")
    return text


def _not_reserved(tag: str) -> str:
    for prefix in RESERVED_PREFIXES:
        if tag.startswith(prefix):
            raise ValueError(f"must not start with {prefix}, which exports to Camtrap DP use")
    return tag


def _normalise_people(text: str) -> str:
    """Return the text with the same separators that Camtrap DP returns."""
    people = join_list(split_list(text))
    if len(people) > LONGEST_SHORT:
        raise ValueError(f"must have at most {LONGEST_SHORT} characters with spaces around |")
    return people


def _describe_fields(schema: dict[str, Any]) -> None:
    """Add the label, the unit and the description of each field to the JSON schema of a model."""
    for name, described in schema["properties"].items():
        if name in DEPLOYMENT_FIELDS:
            field = DEPLOYMENT_FIELDS[name]
            described["title"] = field.label
            described.setdefault("description", field.help)
            if field.unit:
                described["x-unit"] = field.unit


DESCRIBED = ConfigDict(json_schema_extra=_describe_fields)

Latitude = Annotated[Real, Field(ge=-90, le=90)]
Longitude = Annotated[Real, Field(ge=-180, le=180)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_known_zone)]
ClockOffset = Annotated[int, Field(ge=-3_153_600_000, le=3_153_600_000)]

ShortText = Annotated[str, Field(max_length=LONGEST_SHORT), AfterValidator(reject_nul)]
People = Annotated[ShortText, AfterValidator(_normalise_people)]
Length = Annotated[Real, Field(ge=0)]
Delay = Annotated[int, Strict(), Field(ge=0, le=LARGEST_DELAY)]
Tilt = Annotated[int, Strict(), Field(ge=-90, le=90)]
Heading = Annotated[int, Strict(), Field(ge=0, le=360)]
Flag = Annotated[bool, Strict()]
ListedValue = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_SHORT),
    AfterValidator(_one_value),
]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=LONGEST_SHORT),
    AfterValidator(_one_value),
]
Groups = Annotated[list[ListedValue], Field(max_length=MOST_LISTED)]
Tags = Annotated[
    list[Annotated[ListedValue, AfterValidator(_not_reserved)]], Field(max_length=MOST_LISTED)
]


class DeploymentOrder(StrEnum):
    """Order of deployments: by name, or by time of creation."""

    BY_NAME = "name"
    BY_NAME_BACKWARDS = "-name"
    OLDEST_FIRST = "created_at"
    NEWEST_FIRST = "-created_at"


class ZoneSource(StrEnum):
    """Source of a deployment's time zone: given, from its coordinates, or the default UTC."""

    GIVEN = "given"
    COORDINATES = "coordinates"
    DEFAULT = "default"


class InactivePeriod(Message):
    """A period in which the camera of a deployment did not work."""

    start: GivenTime = Field(
        description="Time with a UTC offset; responses are in UTC.",
        examples=["2026-05-01T18:00:00+02:00"],
    )
    end: GivenTime = Field(
        description="Time with a UTC offset, not before the start; responses are in UTC.",
        examples=["2026-05-03T09:00:00+02:00"],
    )
    reason: Reason = Field("", description="One line without |.", examples=["camera stolen"])


class NewInactivePeriod(InactivePeriod):
    """A new period in which the camera of a deployment did not work.

    It must not end before it starts.
    """

    model_config = ConfigDict(extra="forbid")

    @field_validator("end")
    @classmethod
    def _follows_start(cls, end: GivenTime, info: ValidationInfo) -> GivenTime:
        start = info.data.get("start")
        if start is not None and end < start:
            raise ValueError(f"is before the start of the period, {start.isoformat()}")
        return end


NewInactivePeriods = Annotated[list[NewInactivePeriod], Field(max_length=MOST_LISTED)]


class CameraSetup(BaseModel):
    """How the camera of a deployment is set up: fields that all requests share.

    Null values are unknown. `wire.deployment_fields` describes all fields of a deployment.
    """

    camera_delay_s: Delay | None = None
    camera_height_m: Length | None = None
    camera_depth_m: Length | None = None
    camera_tilt_deg: Tilt | None = None
    camera_heading_deg: Heading | None = None
    detection_distance_m: Length | None = None
    timestamp_issues: Flag | None = None
    bait_use: Flag | None = None
    feature_type: FeatureType | None = None


class NewDeployment(CameraSetup, Request):
    """Request to create a deployment.

    `clock_offset_s` is added to the time of the camera's clock, in seconds. The default `time_zone`
    is that of the coordinates, and UTC without coordinates.
    """

    model_config = DESCRIBED

    project: Id
    name: Name
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    coordinate_uncertainty_m: Annotated[Real, Field(ge=0)] | None = None
    time_zone: TimeZone | None = None
    clock_offset_s: ClockOffset = 0
    camera: Text = ""
    camera_model: ShortText = ""
    habitat: Text = ""
    notes: Text = ""
    setup_by: ShortText = ""
    pickup_by: People = ""
    groups: Groups = []
    tags: Tags = []
    inactive_periods: NewInactivePeriods = []
    started_at: GivenTime | None = None
    ended_at: GivenTime | None = None


class DeploymentUpdate(CameraSetup, Request):
    """Request to update a deployment; omitted fields keep their values.

    New coordinates also change the time zone if it was never given and the deployment has no
    images. A new time zone applies to future images; with `redate_images` the capture times of
    existing images are recomputed too.
    """

    model_config = DESCRIBED

    name: Name | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    coordinate_uncertainty_m: Annotated[Real, Field(ge=0)] | None = None
    time_zone: TimeZone | None = None
    clock_offset_s: ClockOffset | None = None
    redate_images: bool = False
    camera: Text | None = None
    camera_model: ShortText | None = None
    habitat: Text | None = None
    notes: Text | None = None
    setup_by: ShortText | None = None
    pickup_by: People | None = None
    groups: Groups | None = None
    tags: Tags | None = None
    inactive_periods: NewInactivePeriods | None = None
    started_at: GivenTime | None = None
    ended_at: GivenTime | None = None


class Deployment(Message):
    """A deployment, with the number of its images and the time of the last one.

    The default deployment receives the images of its project that have no other deployment. While
    `capture_times_pending` is true, the capture times are being recomputed, and `images_dated` of
    `images_to_date` images are done. `previous_clock_offset_s` is the offset that undo restores.
    `silent_since` is the time of the last image, if it is older than three days and the period has
    not ended. `time_zone_source` is the source of the time zone: given, from the coordinates, or
    the default UTC. `utc_assumed` is true if no zone was given and camera times were read as UTC;
    `suggested_time_zone` is then the zone of the coordinates, if there are any.
    """

    model_config = DESCRIBED

    id: UUID
    project_id: Id
    name: AnyText
    latitude: float | None
    longitude: float | None
    coordinate_uncertainty_m: float | None
    location_precision: LocationPrecision = Field(
        default=LocationPrecision.EXACT,
        description="The precision at which the caller sees the location. It is not exact if a "
        "sensitive taxon occurs there; name, camera, habitat and notes are then withheld too.",
    )
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
    setup_by: AnyText = ""
    pickup_by: AnyText = ""
    camera_model: AnyText = ""
    camera_delay_s: int | None = None
    camera_height_m: float | None = None
    camera_depth_m: float | None = None
    camera_tilt_deg: int | None = None
    camera_heading_deg: int | None = None
    detection_distance_m: float | None = None
    timestamp_issues: bool | None = None
    bait_use: bool | None = None
    feature_type: FeatureType | None = None
    groups: list[AnyText] = []
    tags: list[AnyText] = []
    inactive_periods: list[InactivePeriod] = []
    images: Count
    last_image_at: Time | None
    silent_since: Time | None = None
    created_at: Time
    updated_at: Time


class ClockOffsetRequest(Request):
    """Request to preview another clock offset, another time zone, or both.

    The offset is in seconds and is added to the time of the camera's clock. Omitted fields keep
    their values. With a time zone, all images are compared with it.
    """

    clock_offset_s: ClockOffset | None = None
    time_zone: TimeZone | None = None


class CaptureTimeChange(Message):
    """An image whose capture time would change."""

    image_id: UUID
    filename: AnyText
    captured_at: Time
    would_be: Time


class ClockPreview(Message):
    """Preview of the effect of another clock offset or time zone.

    The capture times of `moved` images change. Times that were `edited` by users and times of
    images `without_camera_time` do not.
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
