"""Deployments: one camera at one place over one period."""

from typing import Annotated

from pydantic import AfterValidator, Field

from trapline.wire.values import UUID, AnyText, Count, GivenTime, Id, Message, Name, Real, Request, Text, Time


def _known_zone(name: str) -> str:
    from zoneinfo import available_timezones

    if name not in available_timezones():
        raise ValueError("must be an IANA time zone, such as Europe/Berlin or UTC")
    return name


Latitude = Annotated[Real, Field(ge=-90, le=90)]
Longitude = Annotated[Real, Field(ge=-180, le=180)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_known_zone)]
ClockOffset = Annotated[int, Field(ge=-3_153_600_000, le=3_153_600_000)]


class NewDeployment(Request):
    """Make a deployment. `clock_offset_s` is added to what the camera's clock said, in seconds."""

    project: Id
    name: Name
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    coordinate_uncertainty_m: Annotated[Real, Field(ge=0)] | None = None
    time_zone: TimeZone = "UTC"
    clock_offset_s: ClockOffset = 0
    camera: Text = ""
    habitat: Text = ""
    notes: Text = ""
    started_at: GivenTime | None = None
    ended_at: GivenTime | None = None


class DeploymentChange(Request):
    """Change a deployment; what is left out stays as it is."""

    name: Name | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    coordinate_uncertainty_m: Annotated[Real, Field(ge=0)] | None = None
    time_zone: TimeZone | None = None
    clock_offset_s: ClockOffset | None = None
    camera: Text | None = None
    habitat: Text | None = None
    notes: Text | None = None
    started_at: GivenTime | None = None
    ended_at: GivenTime | None = None


class Deployment(Message):
    """A deployment, with how many images it has and when the last one was taken."""

    id: UUID
    project_id: Id
    name: AnyText
    latitude: float | None
    longitude: float | None
    coordinate_uncertainty_m: float | None
    time_zone: AnyText
    clock_offset_s: int
    camera: AnyText
    habitat: AnyText
    notes: AnyText
    started_at: Time | None
    ended_at: Time | None
    images: Count
    last_image_at: Time | None
    created_at: Time
    updated_at: Time
