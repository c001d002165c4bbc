"""Exports: what a project holds as one file, in one of the formats of the field."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from trapline.wire.day_counts import GivenDay
from trapline.wire.images import AnalysisStateFilter
from trapline.wire.jobs import reject_null
from trapline.wire.values import (
    UUID,
    AnyText,
    Count,
    Fraction,
    GivenTime,
    Id,
    Message,
    Name,
    Request,
    Text,
    Time,
)

MOST_NAMED = 10_000
"""How many images an export is asked for by their ids; more are chosen by a filter."""


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


class ExportState(StrEnum):
    """Where an export is."""

    QUEUED = "queued"
    GATHERING = "gathering"
    WRITING = "writing"
    READY = "ready"
    INVALID = "invalid"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


LIVE = frozenset({ExportState.QUEUED, ExportState.GATHERING, ExportState.WRITING})
"""The states that lead somewhere by themselves."""


class ExportSelection(Request):
    """Which images of its project an export holds: those that are named, or all that fit; without
    anything every one.

    The filter is that of the list of images.
    """

    images: Annotated[list[UUID], Field(min_length=1, max_length=MOST_NAMED)] | None = None
    deployment: UUID | None = None
    class_name: Annotated[Text, Field(min_length=1, max_length=1000)] | None = None
    taxon: UUID | None = None
    analysis_state: AnalysisStateFilter | None = None
    captured_after: GivenTime | None = None
    captured_before: GivenTime | None = None
    day_after: GivenDay | None = None
    day_before: GivenDay | None = None
    confidence_min: Fraction | None = None
    blank: bool | None = None
    reviewed: bool | None = None
    job: Id | None = None
    tag: Annotated[Text, Field(min_length=1, max_length=1000)] | None = None
    starred: bool | None = None
    sequence: UUID | None = None
    camera_time: bool | None = None
    truncated: bool | None = None


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
    """How places for cameras were chosen, in the words of Camtrap DP."""

    SIMPLE_RANDOM = "simpleRandom"
    SYSTEMATIC_RANDOM = "systematicRandom"
    CLUSTERED_RANDOM = "clusteredRandom"
    EXPERIMENTAL = "experimental"
    TARGETED = "targeted"
    OPPORTUNISTIC = "opportunistic"


class ExportOptions(Request):
    """How an export is made; each format takes some of them.

    Annotations below `confidence_min` are left out, unless a person said something of them.
    Licences are named as SPDX does, such as CC-BY-4.0.
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
OPTIONS: dict[ExportFormat, frozenset[str]] = {
    ExportFormat.CAMTRAP_DP: _ABOUT | {"media_licence", "sampling_design"},
    ExportFormat.COCO: frozenset({"with_images", "title", "description", "data_licence"}),
    ExportFormat.COCO_CAMERA_TRAPS: frozenset(
        {"with_images", "title", "description", "data_licence"}
    ),
    ExportFormat.YOLO: frozenset({"with_images"}),
    ExportFormat.MEGADETECTOR: frozenset(),
    ExportFormat.SPECIESNET: frozenset(),
    ExportFormat.DARWIN_CORE: _ABOUT,
    ExportFormat.CSV: frozenset(),
    ExportFormat.PARQUET: frozenset(),
    ExportFormat.GEOPARQUET: frozenset(),
    ExportFormat.CROPS: frozenset(),
}
"""Options of each format, in addition to the confidence, which all formats have."""


class NewExport(Request):
    """Export what a selection of a project's images shows, as one file of a format."""

    project: Id
    format: ExportFormat
    selection: ExportSelection = ExportSelection()
    options: ExportOptions = ExportOptions()

    @model_validator(mode="after")
    def _one_way(self) -> "NewExport":
        # Not in the selection itself, because the selection in a response has all fields.
        reject_null(self.selection)
        if self.selection.images is not None and len(self.selection.model_fields_set) > 1:
            raise ValueError("give either image ids or a filter")
        return self

    @model_validator(mode="after")
    def _options_of_format(self) -> "NewExport":
        taken = OPTIONS[self.format] | {"confidence_min"}
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
    """Export of a selection of images to one file, as they were when it was requested.

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
    options: ExportOptions
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
    """How exports are ordered: by when they were asked for."""

    NEWEST_FIRST = "-created_at"
    OLDEST_FIRST = "created_at"
