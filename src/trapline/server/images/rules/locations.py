"""Locations of deployments with a sensitive taxon, as exactly as a caller may see them.

All surfaces use these functions. The free texts of a deployment and the names of its files can
contain the place, so they are withheld as soon as the coordinates are not exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from trapline.server.platform.imaging.file_types import IMAGE_ENDINGS
from trapline.wire.auth import Role
from trapline.wire.deployment_fields import DEPLOYMENT_FIELDS, FieldKind
from trapline.wire.sensitive_taxa import LocationPrecision


class Precision(IntEnum):
    """How exactly a location is shown, as it is stored; a higher number reveals less."""

    EXACT = 0
    HUNDREDTH = 1
    TENTH = 2
    WITHHELD = 3


PRECISIONS: Mapping[LocationPrecision, Precision] = {
    LocationPrecision.EXACT: Precision.EXACT,
    LocationPrecision.HUNDREDTH: Precision.HUNDREDTH,
    LocationPrecision.TENTH: Precision.TENTH,
    LocationPrecision.WITHHELD: Precision.WITHHELD,
}
NAMES: Mapping[Precision, LocationPrecision] = {level: name for name, level in PRECISIONS.items()}
VISITOR = "visitor"
"""The audience of callers without an account, and of workers and external pipelines."""
AUDIENCES: tuple[str, ...] = (VISITOR, Role.VIEWER, Role.REVIEWER, Role.MANAGER)
"""The audiences with a rule of their own, each sees no less than those before it."""
DECIMALS: Mapping[Precision, int] = {Precision.HUNDREDTH: 2, Precision.TENTH: 1}
ADDED_UNCERTAINTY_M: Mapping[Precision, int] = {Precision.HUNDREDTH: 790, Precision.TENTH: 7900}
"""Half the diagonal of a rounding cell where it is longest, rounded up: a degree is 111.7 km."""
SHOWN_FIELDS = frozenset(
    {
        "time_zone", "clock_offset_s", "started_at", "ended_at", "camera_delay_s",
        "camera_height_m", "camera_depth_m", "camera_tilt_deg", "detection_distance_m",
        "timestamp_issues", "bait_use",
    }
)  # fmt: skip
"""The fields of a deployment that reveal no place; they are neither free text nor a feature."""
WITHHELD_FIELDS = frozenset(DEPLOYMENT_FIELDS) - SHOWN_FIELDS
"""The fields of a deployment that callers who see no exact location cannot read or change."""
EMPTY: Mapping[FieldKind, Any] = {FieldKind.TEXT: "", FieldKind.LIST: [], FieldKind.PERIODS: []}
"""The values that replace withheld ones of a kind; values of other kinds become null."""
SHOWN_TAGS = frozenset(
    {
        "ApertureValue", "BitsPerSample", "BrightnessValue", "ColorSpace",
        "ComponentsConfiguration", "CompressedBitsPerPixel", "Compression", "Contrast",
        "CustomRendered", "DateTime", "DateTimeDigitized", "DateTimeOriginal", "DigitalZoomRatio",
        "ExifImageHeight", "ExifImageWidth", "ExifVersion", "ExposureBiasValue", "ExposureMode",
        "ExposureProgram", "ExposureTime", "FNumber", "Flash", "FlashPixVersion", "FocalLength",
        "FocalLengthIn35mmFilm", "GainControl", "ISOSpeedRatings", "ImageLength", "ImageWidth",
        "LightSource", "Make", "MaxApertureValue", "MeteringMode", "Model", "OffsetTime",
        "OffsetTimeDigitized", "OffsetTimeOriginal", "Orientation", "PhotographicSensitivity",
        "ResolutionUnit", "Saturation", "SceneCaptureType", "SensitivityType", "Sharpness",
        "ShutterSpeedValue", "SubsecTime", "SubsecTimeDigitized", "SubsecTimeOriginal",
        "WhiteBalance", "XResolution", "YCbCrPositioning", "YResolution",
    }
)  # fmt: skip
"""The EXIF tags that are shown. All others are withheld: positions, free texts, names, numbers."""


@dataclass(frozen=True)
class Location:
    """The coordinates of a deployment in degrees, with their uncertainty in metres."""

    latitude: float | None = None
    longitude: float | None = None
    uncertainty_m: float | None = None


def generalise(location: Location, precision: Precision) -> Location:
    """Round a location to its precision and add the error of the rounding to its uncertainty.

    >>> generalise(Location(-19.0154, 29.1549, 10), Precision.TENTH)
    Location(latitude=-19.0, longitude=29.2, uncertainty_m=7910)
    """
    if precision is Precision.EXACT:
        return location
    decimals = DECIMALS.get(precision)
    if decimals is None or location.latitude is None or location.longitude is None:
        return Location()
    # Adding 0 turns -0.0 into 0.0, whose sign would reveal the hemisphere.
    return Location(
        round(location.latitude, decimals) + 0.0,
        round(location.longitude, decimals) + 0.0,
        (location.uncertainty_m or 0) + ADDED_UNCERTAINTY_M[precision],
    )


def get_shown_name(deployment_id: UUID) -> str:
    """Return the name that replaces a withheld one; it is always the same."""
    return f"Deployment {deployment_id.hex[-12:]}"


def get_shown_fields(deployment_id: UUID, given: Location, precision: Precision) -> dict[str, Any]:
    """Return the replacements of the fields of a deployment that are withheld or generalised."""
    if precision is Precision.EXACT:
        return {}
    shown = generalise(given, precision)
    empty = {name: EMPTY.get(DEPLOYMENT_FIELDS[name].kind) for name in WITHHELD_FIELDS}
    return empty | {
        "name": get_shown_name(deployment_id),
        "latitude": shown.latitude,
        "longitude": shown.longitude,
        "coordinate_uncertainty_m": shown.uncertainty_m,
    }


def get_shown_filename(image_id: UUID, filename: str) -> str:
    """Return the file name that replaces a withheld one, of the same type."""
    ending = PurePosixPath(filename).suffix.lower()
    return f"{image_id}{ending if ending in IMAGE_ENDINGS else ''}"


def filter_exif(exif: Mapping[str, Any]) -> dict[str, Any]:
    """Return the EXIF tags that reveal no place."""
    return {name: value for name, value in exif.items() if name in SHOWN_TAGS}
