"""The fields of a deployment: the one list that every surface derives from or is compared with.

This module imports no library, because the command line builds its options from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

PERIOD_EXAMPLE = "2026-05-01T00:00:00Z/2026-05-03T00:00:00Z camera stolen"
SEPARATOR = "|"
"""Separates the values of a list in one cell, as in Camtrap DP."""
LARGEST_DELAY = 2**31 - 1
"""The maximum delay of a camera in seconds, about 68 years."""
DERIVED_TAG = "derived"
"""Tags of this prefix in Camtrap DP name the terms that an export derived from images."""


class FieldKind(StrEnum):
    """The kind of values of a field."""

    TEXT = "text"
    ZONE = "zone"
    TIME = "time"
    NUMBER = "number"
    INTEGER = "integer"
    FLAG = "flag"
    CHOICE = "choice"
    LIST = "list"
    PERIODS = "periods"


class FeatureType(StrEnum):
    """A feature at the location of a deployment: the values of Camtrap DP's featureType."""

    ROAD_PAVED = "roadPaved"
    ROAD_DIRT = "roadDirt"
    TRAIL_HIKING = "trailHiking"
    TRAIL_GAME = "trailGame"
    ROAD_UNDERPASS = "roadUnderpass"
    ROAD_OVERPASS = "roadOverpass"
    ROAD_BRIDGE = "roadBridge"
    CULVERT = "culvert"
    BURROW = "burrow"
    NEST_SITE = "nestSite"
    CARCASS = "carcass"
    WATER_SOURCE = "waterSource"
    FRUITING_TREE = "fruitingTree"


@dataclass(frozen=True)
class DeploymentField:
    """The metadata of a field.

    `help` describes the value in the API. `option_help` describes it as text on the command line,
    if that differs. `unit` is a symbol. `option` is its option in `trapline deployment create` and
    `update`. `camtrap_dp` is its term in Camtrap DP 1.0.2; a field without a term there is written
    as `camtrap_dp_tag:value` into `deploymentTags`. `darwin_core` lists its terms in Darwin Core.
    """

    kind: FieldKind
    label: str
    help: str
    option: str = ""
    unit: str = ""
    camtrap_dp: str = ""
    camtrap_dp_tag: str = ""
    darwin_core: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    option_help: str = ""


TEXT, NUMBER, INTEGER, FLAG = (
    FieldKind.TEXT,
    FieldKind.NUMBER,
    FieldKind.INTEGER,
    FieldKind.FLAG,
)

DEPLOYMENT_FIELDS: Mapping[str, DeploymentField] = {
    "name": DeploymentField(
        TEXT, "Name", "Name of the deployment, unique in its project.",
        camtrap_dp="locationName", darwin_core=("locality",),
    ),
    "latitude": DeploymentField(
        NUMBER, "Latitude", "Degrees north (WGS 84), with a longitude.", "--lat", "°", "latitude",
        darwin_core=("decimalLatitude",), minimum=-90, maximum=90,
    ),
    "longitude": DeploymentField(
        NUMBER, "Longitude", "Degrees east (WGS 84), with a latitude.", "--lon", "°", "longitude",
        darwin_core=("decimalLongitude",), minimum=-180, maximum=180,
    ),
    "coordinate_uncertainty_m": DeploymentField(
        NUMBER, "Coordinate uncertainty", "Uncertainty of the coordinates, in metres.",
        "--uncertainty", "m", "coordinateUncertainty",
        darwin_core=("coordinateUncertaintyInMeters",), minimum=0,
    ),
    "time_zone": DeploymentField(
        FieldKind.ZONE, "Time zone",
        "IANA time zone of the camera's clock, such as Europe/Berlin. Default: that of the "
        "coordinates, else UTC.",
        "--time-zone",
    ),
    "clock_offset_s": DeploymentField(
        INTEGER, "Clock offset", "Seconds that are added to the time of the camera's clock.",
        unit="s", minimum=-3_153_600_000, maximum=3_153_600_000,
    ),
    "camera": DeploymentField(
        TEXT, "Camera ID", "ID of the camera, such as its serial number.", "--camera",
        camtrap_dp="cameraID",
    ),
    "habitat": DeploymentField(
        TEXT, "Habitat", "Habitat in front of the camera.", "--habitat", camtrap_dp="habitat",
        darwin_core=("habitat",),
    ),
    "notes": DeploymentField(
        TEXT, "Notes", "Internal notes. Camtrap DP has them as comments; Darwin Core, which "
        "publishes records, leaves them out.", "--notes", camtrap_dp="deploymentComments",
        option_help="Internal notes.",
    ),
    "started_at": DeploymentField(
        FieldKind.TIME, "Start",
        "Start of the deployment: a time with a UTC offset, such as 2026-05-01T18:00:00+02:00.",
        "--start", camtrap_dp="deploymentStart",
        option_help="Start: a day or a time, in the deployment's time zone unless it has a UTC "
        "offset.",
    ),
    "ended_at": DeploymentField(
        FieldKind.TIME, "End",
        "End of the deployment: a time with a UTC offset, such as 2026-09-30T18:00:00+02:00. It "
        "is not before the start.",
        "--end", camtrap_dp="deploymentEnd",
        option_help="End: a day or a time, as in --start.",
    ),
    "setup_by": DeploymentField(
        TEXT, "Set up by", "Person or organization that set up the camera.", "--setup-by",
        camtrap_dp="setupBy",
    ),
    "pickup_by": DeploymentField(
        TEXT, "Picked up by", "Person or organization that picked up the camera; | separates "
        "several.", "--pickup-by",
        camtrap_dp_tag="pickupBy",
    ),
    "camera_model": DeploymentField(
        TEXT, "Camera model", "Manufacturer and model of the camera, such as Reconyx-PC800.",
        "--camera-model", camtrap_dp="cameraModel",
    ),
    "camera_delay_s": DeploymentField(
        INTEGER, "Camera delay", "Seconds after a detection in which the camera takes no image.",
        "--camera-delay", "s", "cameraDelay", minimum=0, maximum=LARGEST_DELAY,
    ),
    "camera_height_m": DeploymentField(
        NUMBER, "Camera height", "Height of the camera above the ground, in metres; not with a "
        "depth.", "--camera-height", "m", "cameraHeight",
        darwin_core=("minimumDistanceAboveSurfaceInMeters", "maximumDistanceAboveSurfaceInMeters"),
        minimum=0,
    ),
    "camera_depth_m": DeploymentField(
        NUMBER, "Camera depth", "Depth of the camera below the surface, in metres; not with a "
        "height.", "--camera-depth", "m", "cameraDepth",
        darwin_core=("minimumDepthInMeters", "maximumDepthInMeters"), minimum=0,
    ),
    "camera_tilt_deg": DeploymentField(
        INTEGER, "Camera tilt", "Vertical angle in degrees: -90 is down, 0 horizontal, 90 up.",
        "--camera-tilt", "°", "cameraTilt", minimum=-90, maximum=90,
    ),
    "camera_heading_deg": DeploymentField(
        INTEGER, "Camera heading", "Horizontal angle in degrees, clockwise from north.",
        "--camera-heading", "°", "cameraHeading", minimum=0, maximum=360,
    ),
    "detection_distance_m": DeploymentField(
        NUMBER, "Detection distance", "Maximum distance at which the camera reliably detects "
        "activity, in metres.", "--detection-distance", "m", "detectionDistance", minimum=0,
    ),
    "timestamp_issues": DeploymentField(
        FLAG, "Timestamp issues", "Whether the times of the images have issues that cannot be "
        "corrected. Null: unknown; exports derive it from the images.",
        "--timestamp-issues", camtrap_dp="timestampIssues",
        option_help="The times of the images have issues that cannot be corrected.",
    ),
    "bait_use": DeploymentField(
        FLAG, "Bait", "Whether bait was used. Null: unknown.", "--bait-use", camtrap_dp="baitUse",
        option_help="Bait was used.",
    ),
    "feature_type": DeploymentField(
        FieldKind.CHOICE, "Feature", "Feature at the location, such as culvert.", "--feature-type",
        camtrap_dp="featureType",
    ),
    "groups": DeploymentField(
        FieldKind.LIST, "Groups",
        "Groups that the deployment belongs to, such as season:winter 2026.", "--group",
        camtrap_dp="deploymentGroups",
        option_help="A group that the deployment belongs to, such as season:winter 2026.",
    ),
    "tags": DeploymentField(
        FieldKind.LIST, "Tags", "Tags of the deployment, such as forest edge. The prefixes "
        "pickupBy:, inactivePeriod: and derived: are reserved for exports.", "--tag",
        camtrap_dp="deploymentTags", option_help="A tag, such as forest edge.",
    ),
    "inactive_periods": DeploymentField(
        FieldKind.PERIODS, "Inactive periods",
        "Periods in which the camera did not work, ordered by their starts.",
        "--inactive", camtrap_dp_tag="inactivePeriod",
        option_help="A period in which the camera did not work, as START/END REASON, such as "
        "2026-05-01/2026-05-03 camera stolen. The times are as in --start.",
    ),
}  # fmt: skip
"""The fields by their names, in the order of the CSV sheet.

`time_zone` and `clock_offset_s` have no Camtrap DP term: its times have UTC offsets and are
corrected.
"""


RESERVED_PREFIXES = tuple(
    f"{tag}:"
    for tag in (*(one.camtrap_dp_tag for one in DEPLOYMENT_FIELDS.values()), DERIVED_TAG)
    if tag
)
"""Prefixes that tags cannot have, because Camtrap DP has other values in tags with them."""


def format_period(start: str, end: str, reason: str) -> str:
    """Format an inactive period as one text; see PERIOD_EXAMPLE."""
    return f"{start}/{end} {reason}".rstrip()


def parse_period(text: str) -> dict[str, Any]:
    """Parse the text of an inactive period into its start, end and reason, not validated.

    Raises:
        ValueError: the text has another form.
    """
    times, _, reason = text.strip().partition(" ")
    start, slash, end = times.partition("/")
    if not (start and slash and end):
        raise ValueError(f"must be START/END REASON, such as {PERIOD_EXAMPLE}")
    return {"start": start, "end": end, "reason": reason.strip()}


def split_list(text: str) -> list[str]:
    """Split the cell of a list into its values."""
    return [part.strip() for part in text.split(SEPARATOR) if part.strip()]


def join_list(values: list[str]) -> str:
    """Join the values of a list into one cell."""
    return f" {SEPARATOR} ".join(values)
