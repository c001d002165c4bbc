"""Deployments in Camtrap DP: their rows, and the values that are derived from their images."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trapline.server.exports.formats.camtrap_dp_rows import format_cell
from trapline.server.exports.formats.decimals import format_decimal
from trapline.server.exports.formats.export_records import DeploymentRecord
from trapline.server.exports.formats.observed_images import ObservedImage
from trapline.server.images.rules.capture_time import NO_CAMERA_TIME
from trapline.server.images.rules.image_flags import TRUNCATED
from trapline.wire.deployment_fields import (
    DEPLOYMENT_FIELDS,
    DERIVED_TAG,
    FieldKind,
    format_period,
    join_list,
    split_list,
)

DEPLOYMENTS = (
    "deploymentID,locationID,locationName,latitude,longitude,coordinateUncertainty,"
    "deploymentStart,deploymentEnd,setupBy,cameraID,cameraModel,cameraDelay,cameraHeight,"
    "cameraDepth,cameraTilt,cameraHeading,detectionDistance,timestampIssues,baitUse,featureType,"
    "habitat,deploymentGroups,deploymentTags,deploymentComments"
)
EXIF = "exif"


@dataclass
class CapturePeriod:
    """The first and the last of a set of capture times."""

    first: datetime | None = None
    last: datetime | None = None

    def add(self, at: datetime) -> None:
        """Add a capture time."""
        self.first = at if self.first is None else min(self.first, at)
        self.last = at if self.last is None else max(self.last, at)


@dataclass
class DeploymentImages:
    """Summary of the images of a deployment.

    Times of files and of uploads are apart: they can be years after the camera was removed.
    """

    images: int = 0
    by_camera: CapturePeriod = field(default_factory=CapturePeriod)
    by_file: CapturePeriod = field(default_factory=CapturePeriod)
    not_from_exif: int = 0
    flagged: int = 0
    camera_model: str = ""

    def add(self, image: ObservedImage) -> None:
        """Add an image."""
        (self.by_file if NO_CAMERA_TIME in image.flags else self.by_camera).add(image.captured_at)
        self.images += 1
        self.not_from_exif += image.captured_at_source != EXIF
        self.flagged += any(flag != TRUNCATED for flag in image.flags)
        if not self.camera_model and image.exif.get("Model"):
            self.camera_model = "-".join(
                str(image.exif[part]).strip() for part in ("Make", "Model") if image.exif.get(part)
            )


def build_deployment_row(
    deployment: DeploymentRecord, start: str, end: str, summary: DeploymentImages, *, issues: bool
) -> str:
    """Build the row of a deployment; unknown values are empty."""
    uncertain = deployment.coordinate_uncertainty_m
    cells = {
        one.camtrap_dp: _format_cell(one.kind, getattr(deployment, name))
        for name, one in DEPLOYMENT_FIELDS.items()
        if one.camtrap_dp
    } | {
        "deploymentID": format_cell(deployment.external_id or str(deployment.id)),
        "locationID": format_cell(deployment.location_id),
        "latitude": _format_degrees(deployment.latitude),
        "longitude": _format_degrees(deployment.longitude),
        "coordinateUncertainty": "" if uncertain is None else str(max(math.ceil(uncertain), 1)),
        "deploymentStart": start,
        "deploymentEnd": end,
        "cameraModel": format_cell(deployment.camera_model or summary.camera_model),
        "timestampIssues": "true" if issues else "false",
        "deploymentTags": format_cell(
            join_list([*deployment.tags, *_list_extra_tags(deployment, summary)])
        ),
        "deploymentComments": format_cell(_comment(deployment)),
    }
    return ",".join(cells[column] for column in DEPLOYMENTS.split(",")) + "\n"


def format_value(kind: FieldKind, value: Any) -> str:
    """Format the value of a field as text; unknown values are empty."""
    if value is None:
        return ""
    match kind:
        case FieldKind.NUMBER:
            return format_decimal(value).removesuffix(".0")
        case FieldKind.FLAG:
            return "true" if value else "false"
        case FieldKind.LIST:
            return join_list(value)
        case _:
            return str(value)


def _format_cell(kind: FieldKind, value: Any) -> str:
    text = format_value(kind, value)
    # A number with a minus sign is not a spreadsheet formula, so it is not escaped.
    return text if kind in (FieldKind.NUMBER, FieldKind.INTEGER) else format_cell(text)


def _format_degrees(degrees: float | None) -> str:
    return "" if degrees is None else f"{degrees:.7f}".rstrip("0").rstrip(".")


def _list_extra_tags(deployment: DeploymentRecord, summary: DeploymentImages) -> list[str]:
    """List the values of fields without a term in Camtrap DP, as tags of the form key:value.

    Terms that are derived from images are listed as well, so that an import does not store them.
    """
    values = {
        "pickup_by": split_list(deployment.pickup_by),
        "inactive_periods": [format_period(**one) for one in deployment.inactive_periods],
    }
    tags = [
        f"{DEPLOYMENT_FIELDS[name].camtrap_dp_tag}:{text}"
        for name, texts in values.items()
        for text in texts
    ]
    derived = {
        "deploymentStart": deployment.started_at is None and summary.images > 0,
        "deploymentEnd": deployment.ended_at is None and summary.images > 0,
        "timestampIssues": deployment.timestamp_issues is None,
        "cameraModel": bool(summary.camera_model and not deployment.camera_model),
    }
    return tags + [f"{DERIVED_TAG}:{term}" for term, is_derived in derived.items() if is_derived]


def _comment(deployment: DeploymentRecord) -> str:
    notes = [deployment.notes] if deployment.notes else []
    if deployment.clock_offset_s:
        offset = f"{deployment.clock_offset_s:+d} s"
        notes.append(f"The camera's clock was set by {offset}; times here are corrected.")
    return " ".join(notes)
