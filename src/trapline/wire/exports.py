"""Exports: the observations of a project as one file in a standard format."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from trapline.wire.image_filters import ImageConditions
from trapline.wire.jobs import reject_null
from trapline.wire.sensitive_taxa import LocationAudience
from trapline.wire.values import (
    UUID,
    AnyText,
    Count,
    Fraction,
    Id,
    Message,
    Name,
    Request,
    Text,
    Time,
)

MOST_NAMED = 10_000
"""Maximum number of images that an export request lists by ID."""


class ExportFormat(StrEnum):
    """Format of an export."""

    CAMTRAP_DP = "camtrap-dp"
    COCO = "coco"
    COCO_CAMERA_TRAPS = "coco-camera-traps"
    YOLO = "yolo"
    MEGADETECTOR = "megadetector"
    SPECIESNET = "speciesnet"
    DARWIN_CORE = "darwin-core"
    CSV = "csv"
    PARQUET = "parquet"
    GEOPARQUET = "geoparquet"
    CROPS = "crops"


class ExportContent(StrEnum):
    """Content of an export: the project's observations, or the raw output of models."""

    OBSERVATIONS = "observations"
    MODEL = "model"


class ExportState(StrEnum):
    """State of an export."""

    QUEUED = "queued"
    GATHERING = "gathering"
    WRITING = "writing"
    READY = "ready"
    INVALID = "invalid"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


LIVE = frozenset({ExportState.QUEUED, ExportState.GATHERING, ExportState.WRITING})
"""States of an export that has not ended."""


class ExportSelection(ImageConditions):
    """Images of an export: the listed ones, or all that match the filter.

    Without a condition all images of the project are selected. The filter is that of the list of
    images.
    """

    images: Annotated[list[UUID], Field(min_length=1, max_length=MOST_NAMED)] | None = None


class ContributorRole(StrEnum):
    """Role of a contributor, as in Camtrap DP."""

    CONTACT = "contact"
    PRINCIPAL_INVESTIGATOR = "principalInvestigator"
    RIGHTS_HOLDER = "rightsHolder"
    PUBLISHER = "publisher"
    CONTRIBUTOR = "contributor"


class Contributor(Request):
    """Contributor that a published data set names."""

    title: Name
    role: ContributorRole = ContributorRole.CONTRIBUTOR
    organization: Name | None = None
    email: Name | None = None
    path: Name | None = None


class SamplingDesign(StrEnum):
    """Method of choosing camera locations, in the terms of Camtrap DP."""

    SIMPLE_RANDOM = "simpleRandom"
    SYSTEMATIC_RANDOM = "systematicRandom"
    CLUSTERED_RANDOM = "clusteredRandom"
    EXPERIMENTAL = "experimental"
    TARGETED = "targeted"
    OPPORTUNISTIC = "opportunistic"


class ExportOptions(Request):
    """Options of an export; each format accepts some of them.

    Findings of models below `confidence_min` are left out; those of people are kept. Licences are
    SPDX identifiers, such as CC-BY-4.0.
    """

    confidence_min: Fraction | None = None
    with_images: bool | None = None
    title: Name | None = None
    description: Text | None = None
    contributors: Annotated[list[Contributor], Field(max_length=100)] | None = None
    data_licence: Name | None = None
    media_licence: Name | None = None
    sampling_design: SamplingDesign | None = None


_ABOUT = frozenset({"title", "description", "contributors", "data_licence"})
_COCO = frozenset({"with_images", "title", "description", "data_licence"})


class ExportPurpose(StrEnum):
    """Purpose of an export format, by which a form groups the formats."""

    TABLES = "tables"
    PUBLICATION = "publication"
    PROGRAMS = "programs"
    TRAINING = "training"


@dataclass(frozen=True)
class ExportFormatInfo:
    """The description of a format.

    `options` are those in addition to the confidence, which all have. `audience` applies if a
    request names none; null is the role of the requester.
    """

    title: str
    description: str
    purpose: ExportPurpose
    options: frozenset[str] = frozenset()
    audience: LocationAudience | None = None


EXPORT_FORMATS: dict[ExportFormat, ExportFormatInfo] = {
    ExportFormat.CSV: ExportFormatInfo(
        "Table (CSV)",
        "For spreadsheets and statistics: a row for each observation.",
        ExportPurpose.TABLES,
    ),
    ExportFormat.PARQUET: ExportFormatInfo(
        "Parquet",
        "The same table for R, Python and DuckDB, smaller and faster.",
        ExportPurpose.TABLES,
    ),
    ExportFormat.GEOPARQUET: ExportFormatInfo(
        "GeoParquet",
        "The same table with locations, for QGIS and other maps.",
        ExportPurpose.TABLES,
    ),
    ExportFormat.CAMTRAP_DP: ExportFormatInfo(
        "Camtrap DP",
        "To publish, at GBIF and elsewhere. Checked against the standard before it can be "
        "downloaded.",
        ExportPurpose.PUBLICATION,
        _ABOUT | {"media_licence", "sampling_design"},
    ),
    ExportFormat.DARWIN_CORE: ExportFormatInfo(
        "Darwin Core",
        "Occurrences for GBIF and museums: which species was observed where and when.",
        ExportPurpose.PUBLICATION,
        _ABOUT,
        LocationAudience.VISITOR,
    ),
    ExportFormat.MEGADETECTOR: ExportFormatInfo(
        "MegaDetector results",
        "For Timelapse, AddaxAI and the programs that read MegaDetector's file.",
        ExportPurpose.PROGRAMS,
    ),
    ExportFormat.SPECIESNET: ExportFormatInfo(
        "SpeciesNet predictions",
        "For programs that read SpeciesNet's file.",
        ExportPurpose.PROGRAMS,
    ),
    ExportFormat.COCO_CAMERA_TRAPS: ExportFormatInfo(
        "COCO Camera Traps",
        "For LILA and for machine learning with locations and sequences.",
        ExportPurpose.PROGRAMS,
        _COCO,
    ),
    ExportFormat.COCO: ExportFormatInfo(
        "COCO",
        "To train and to measure models: boxes, outlines and key points.",
        ExportPurpose.TRAINING,
        _COCO,
    ),
    ExportFormat.YOLO: ExportFormatInfo(
        "YOLO",
        "To train YOLO: images with labels, split by deployment.",
        ExportPurpose.TRAINING,
    ),
    ExportFormat.CROPS: ExportFormatInfo(
        "Crops",
        "To train a classifier: each finding cropped, one folder per class.",
        ExportPurpose.TRAINING,
    ),
}


class ExportFormatDescription(Message):
    """Description of an export format, with the options that it accepts.

    `audience` applies if a request names none; null is the role of the requester.
    """

    name: ExportFormat
    title: AnyText
    description: AnyText
    purpose: ExportPurpose
    options: list[AnyText]
    audience: LocationAudience | None


def list_export_formats() -> list[ExportFormatDescription]:
    """Describe each export format for clients."""
    return [
        ExportFormatDescription(
            name=name,
            title=info.title,
            description=info.description,
            purpose=info.purpose,
            options=["confidence_min", *sorted(info.options)],
            audience=info.audience,
        )
        for name, info in EXPORT_FORMATS.items()
    ]


class NewExport(Request):
    """Export what a selection of a project's images shows, as one file of a format.

    The content `model` is the raw output of models, without the decisions of people. Locations of
    sensitive taxa are shown as your role sees them, or as `audience` does if that is less. Darwin
    Core is published, so its audience is `visitor` if none is given; `owner` is that of exact ones.
    """

    project: Id
    format: ExportFormat
    content: ExportContent = ExportContent.OBSERVATIONS
    selection: ExportSelection = ExportSelection()
    options: ExportOptions = ExportOptions()
    audience: LocationAudience | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "NewExport":
        # Not in the selection itself, because the selection in a response has all fields.
        reject_null(self.selection)
        if self.selection.images is not None and len(self.selection.model_fields_set) > 1:
            raise ValueError("give either image ids or a filter")
        return self

    @model_validator(mode="after")
    def _options_of_format(self) -> "NewExport":
        taken = EXPORT_FORMATS[self.format].options | {"confidence_min"}
        if foreign := sorted(self.options.model_fields_set - taken):
            raise ValueError(
                f"{self.format} takes no {foreign[0]}; it takes {', '.join(sorted(taken))}"
            )
        return self


class ExportProblem(Message):
    """Something that was set right, left out or is wrong, in plain words, and how often it was met.

    `deployment` is the name of the one that it belongs to, if it does to one.
    """

    what: AnyText
    count: Count
    deployment_id: UUID | None = None
    deployment: AnyText | None = None


class Export(Message):
    """Export to one file of a selection of the images that existed when it was requested.

    Progress is `images` of `expected`, which is an estimate. `fixed` lists values that were
    corrected automatically, `left_out` values that the format cannot hold, `problems` the reasons
    why the file is not valid. `deleted_since` is the number of its images that were deleted later.
    `named_images` is the number of images requested by ID; the IDs are in `selection` of a single
    export, and not in a list.
    """

    id: UUID
    project_id: Id
    format: ExportFormat
    selection: ExportSelection
    named_images: Count | None = None
    content: ExportContent = ExportContent.OBSERVATIONS
    options: ExportOptions
    audience: LocationAudience | None = Field(
        default=None,
        description="The role whose view of the locations of sensitive taxa the file does not "
        "exceed, in addition to that of the requester.",
    )
    state: ExportState
    requested_by: AnyText
    expected: Count | None
    images: Count
    annotations: Count
    written: Count | None
    fixed: list[ExportProblem]
    left_out: list[ExportProblem]
    problems: list[ExportProblem]
    error: AnyText | None
    filename: AnyText
    media_type: AnyText
    size_bytes: Count | None
    sha256: AnyText | None
    deleted_since: Count
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    expires_at: Time | None
    updated_at: Time


class ExportOrder(StrEnum):
    """Order of exports: by time of request."""

    NEWEST_FIRST = "-created_at"
    OLDEST_FIRST = "created_at"
