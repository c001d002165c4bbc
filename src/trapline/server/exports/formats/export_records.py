"""Records of an export, in every format: images, their observations and their annotations.

An export gathers these records once, ordered by deployment and capture time, into a spool on the
disk. The writer of its format reads the spool as often as necessary. Boxes and points are in
pixels of the upright original.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from trapline.server.exports.formats.withheld_texts import hide_free_texts, hide_names

IMAGES = "images.jsonl"
MOST_LISTED = 200
"""The maximum number of problems that are listed per kind."""
Form = TypeVar("Form", bound=msgspec.Struct)


class TaxonRecord(msgspec.Struct, omit_defaults=True):
    """A taxon of the project's list; for a synonym, the accepted taxon."""

    id: UUID
    scientific_name: str
    authorship: str = ""
    rank: str = ""
    higher_ranks: dict[str, str] = {}
    common_names: dict[str, list[str]] = {}
    """Common names by language code, the preferred name first."""
    gbif_key: int | None = None
    external_id: str = ""

    @property
    def english_names(self) -> list[str]:
        """The English names, the preferred one first."""
        return self.common_names.get("en") or self.common_names.get("eng") or []


class IdentificationRecord(msgspec.Struct, omit_defaults=True):
    """A statement of a person: the source of an observation, with its details.

    See `wire.identifications`. `by` is a name that may be published: a person's display name, never
    an email address. `label` is the name that a correction gave.
    """

    kind: str
    by: str
    at: datetime
    taxon: UUID | None = None
    label: str | None = None
    comment: str | None = None
    count: int | None = None
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None
    individual_id: str | None = None
    external: list[str] | None = None
    """Its texts in the imported package, as `ImportedObservation`."""


class AnnotationRecord(msgspec.Struct, omit_defaults=True):
    """An annotation: the geometry and the origin of an observation, or raw output of a model.

    `taxon` is the taxon that its label means. In an export of raw model output, `aside` marks an
    annotation of an analysis that is not the latest one of its image. Such an annotation is written
    to formats that list each model's findings, and left out of formats that list what an image
    shows.
    """

    id: UUID
    analysis_id: UUID
    type: str
    data: dict[str, Any]
    class_name: str | None = None
    confidence: float | None = None
    parent_id: UUID | None = None
    taxon: UUID | None = None
    model_name: str = ""
    model_version: str = ""
    at: datetime | None = None
    aside: bool = False
    external: list[str] | None = None
    """The observationID, eventID and individualID of the imported package."""

    @property
    def model(self) -> str:
        """The model that found it, with its version."""
        return f"{self.model_name} {self.model_version}".strip()

    @property
    def terminal(self) -> bool | None:
        """Whether it names its box; None if its result does not state it."""
        says = self.data.get("terminal")
        return says if isinstance(says, bool) else None


class ObservationRecord(msgspec.Struct, omit_defaults=True):
    """A current observation of an image (see `review.rules.observations`).

    `found` is the annotation that it describes, and `named_by` the one that names it. `said` is
    None if only a model found it.
    """

    id: UUID
    kind: str
    label: str = ""
    taxon: UUID | None = None
    confidence: float | None = None
    needs_review: bool = False
    found: UUID | None = None
    named_by: UUID | None = None
    said: IdentificationRecord | None = None
    remarks: str = ""
    """Comments of people on its annotation that identify nothing."""


class StatedGroupRecord(msgspec.Struct, omit_defaults=True):
    """A taxon that a person stated for a whole sequence, with its count and details.

    If the sequence was split since then, it has no count, and `is_located` means that images show
    it: it does not concern the sequences of other images.
    """

    kind: str
    taxon: UUID | None = None
    label: str = ""
    count: int | None = None
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None
    individual_id: str | None = None
    external_id: str = ""
    is_located: bool = False


class StatedSequenceRecord(msgspec.Struct, omit_defaults=True):
    """The latest identification of an image's whole sequence.

    `event_id`, and the `external_id` of each group or, without groups, of the whole, are those of
    its imported package. `sequence_id` is the sequence that it was made for. `is_imported`: `by` is
    a text of the package.
    """

    by: str
    at: datetime
    comment: str | None = None
    groups: list[StatedGroupRecord] = []
    event_id: str = ""
    external_id: str = ""
    sequence_id: UUID | None = None
    is_imported: bool = False


class ImageRecord(msgspec.Struct, omit_defaults=True):
    """An image; `path` is its path at its source, with folders.

    `file` is the storage key of its original, `upright_file` that of its upright copy, if any.
    """

    id: UUID
    deployment_id: UUID
    filename: str
    path: str
    media_type: str
    width: int
    height: int
    captured_at: datetime
    captured_at_source: str
    time_zone: str
    sha256: str
    size_bytes: int
    file: str
    upright_file: str | None = None
    sequence_id: UUID | None = None
    blank: bool | None = None
    reviewed: bool = False
    starred: bool = False
    tags: list[str] = []
    flags: list[str] = []
    exif: dict[str, Any] = {}
    source_id: UUID | None = None
    analysed: bool = False
    """Whether any analysis of the image is completed."""
    shown: bool = False
    """Whether visitors of the project can see it; always false if the project is not public."""
    sequence_images: int = 0
    """The number of images of its sequence, also of those that the export does not contain."""
    comment: str = ""
    """The comment of the latest identification of the whole image."""
    remarks: str = ""
    """Comments of people that identify nothing, except those in `ObservationRecord.remarks`."""
    remarked: bool = False
    """Whether the image or one of its observations has remarks."""
    described: bool = False
    """Whether the image has free texts by people; see `withheld_texts`."""
    observed: list[ObservationRecord] | None = None
    """Its observations; None in an export of raw model output."""
    stated: StatedSequenceRecord | None = None
    found: list[AnnotationRecord] = []
    formless: int = 0
    """The number of findings that are no observations, such as heatmaps."""
    media_id: str = ""
    """The mediaID of the imported package."""
    external: list[str] | None = None
    """The observationID, eventID and individualID of its blank observation in that package."""


class DeploymentRecord(msgspec.Struct, omit_defaults=True):
    """A deployment with its metadata."""

    id: UUID
    name: str
    time_zone: str
    latitude: float | None = None
    longitude: float | None = None
    coordinate_uncertainty_m: float | None = None
    clock_offset_s: int = 0
    camera: str = ""
    habitat: str = ""
    notes: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    camera_model: str = ""
    camera_delay_s: int | None = None
    camera_height_m: float | None = None
    camera_depth_m: float | None = None
    camera_tilt_deg: int | None = None
    camera_heading_deg: int | None = None
    detection_distance_m: float | None = None
    timestamp_issues: bool | None = None
    bait_use: bool | None = None
    feature_type: str | None = None
    setup_by: str = ""
    pickup_by: str = ""
    groups: list[str] = []
    tags: list[str] = []
    inactive_periods: list[dict[str, str]] = []
    is_default: bool = False
    images: int = 0
    """The number of its images in the export."""
    first_image_at: datetime | None = None
    last_image_at: datetime | None = None
    external_id: str = ""
    """The deploymentID of the imported package."""
    location_id: str = ""
    """The locationID of the imported package."""
    precision: int = 0
    """How exactly its location is shown (`images.rules.locations.Precision`)."""
    remarked: int = 0
    """The number of its images with `remarks`."""
    described: int = 0
    """The number of its images with free texts by people."""


class ExportMetadata(msgspec.Struct, omit_defaults=True):
    """Metadata of the whole export; `options` are the validated options of its format."""

    project_id: int
    project_name: str
    project_description: str
    started_at: datetime
    sequence_gap_s: int = 120
    public: bool = False
    public_url: str = ""
    for_visitors: bool = False
    """Whether the export is for visitors: free texts of withheld deployments are left out."""
    is_unchecked: bool = False
    """Whether the search for images that moved during the gathering timed out."""
    options: dict[str, Any] = {}
    deployments: list[DeploymentRecord] = []
    taxa: list[TaxonRecord] = []

    @property
    def withheld(self) -> frozenset[str]:
        """The IDs of the deployments whose names and files are withheld."""
        return frozenset(str(one.id) for one in self.deployments if one.precision)


class ExportIssue(msgspec.Struct, omit_defaults=True):
    """A problem, correction or omission of an export, with what the user can do about it.

    `count` is the number of occurrences; `deployment` is the deployment concerned, if any.
    """

    what: str
    count: int = 1
    deployment: UUID | None = None


class ExportReport(msgspec.Struct, omit_defaults=True):
    """The result of a writer: rows written, automatic corrections, omissions and problems."""

    written: int = 0
    fixed: list[ExportIssue] = []
    left_out: list[ExportIssue] = []
    problems: list[ExportIssue] = []


def truncate_list(problems: Sequence[ExportIssue]) -> list[ExportIssue]:
    """Return at most MOST_LISTED problems; the last one counts those that are left out."""
    if len(problems) <= MOST_LISTED:
        return list(problems)
    others = problems[MOST_LISTED - 1 :]
    more = sum(one.count for one in others)
    return [
        *problems[: MOST_LISTED - 1],
        ExportIssue(f"And {more:,} more, which are not listed.", more),
    ]


@dataclass(frozen=True)
class ExportSpool:
    """The records of one export on the disk; `read_image` reads a file from the store by key."""

    folder: Path
    about: ExportMetadata
    read_image: Callable[[str], bytes]
    left_out: frozenset[str] = frozenset()
    """The IDs of deployments whose images are left out, because the format needs a location."""
    _taxa: dict[UUID, TaxonRecord] = field(default_factory=dict)

    @property
    def taxa(self) -> Mapping[UUID, TaxonRecord]:
        """The taxa that the export refers to, by ID."""
        if not self._taxa:
            self._taxa.update((taxon.id, taxon) for taxon in self.about.taxa)
        return self._taxa

    def images(self) -> Iterator[ImageRecord]:
        """Read the images one by one, by deployment, capture time and ID."""
        return self.read(ImageRecord)

    def read(self, form: type[Form]) -> Iterator[Form]:
        """Read the images as another record type that has only the fields that a writer needs."""
        decoder = msgspec.json.Decoder(form)
        withheld = self.about.withheld
        with (self.folder / IMAGES).open("rb") as lines:
            for line in lines:
                image = decoder.decode(line)
                if self.left_out and _is_of(image, self.left_out):
                    continue
                if withheld and _is_of(image, withheld):
                    hide_names(image)
                    if self.about.for_visitors:
                        hide_free_texts(image)
                yield image


def _is_of(image: Any, deployments: Collection[str]) -> bool:
    """Return whether an image may be of one of these deployments; a record can leave that out."""
    return str(getattr(image, "deployment_id", next(iter(deployments)))) in deployments


def join_texts(texts: Iterable[str | None]) -> str:
    """Join texts that are not empty, each once."""
    return "; ".join(dict.fromkeys(text for text in texts if text))


def write_records(images: Iterable[ImageRecord]) -> bytes:
    """Encode images for the spool, one per line."""
    return b"".join(msgspec.json.encode(image) + b"\n" for image in images)
