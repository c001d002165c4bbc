"""What an export is made of, whatever its format: images with what was found on them and what
people said of it.

An export gathers these records once, in the order of deployments and capture times, into a spool on
the disk, and the writer of its format reads the spool as often as it needs. Boxes and points are in
pixels of the upright original.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import msgspec

IMAGES = "images.jsonl"
MOST_LISTED = 200
"""So many problems of a kind are listed, one of each deployment among them."""
Form = TypeVar("Form", bound=msgspec.Struct)


class TaxonRecord(msgspec.Struct, omit_defaults=True):
    """A taxon of the project's list, the accepted one where a synonym was meant."""

    id: UUID
    scientific_name: str
    authorship: str = ""
    rank: str = ""
    higher_ranks: dict[str, str] = {}
    common_names: dict[str, list[str]] = {}
    """Names in daily use by the code of their language, the preferred one first."""
    gbif_key: int | None = None
    external_id: str = ""

    @property
    def english_names(self) -> list[str]:
        """The English names, the preferred one first."""
        return self.common_names.get("en") or self.common_names.get("eng") or []


class IdentificationRecord(msgspec.Struct, omit_defaults=True):
    """What people said of an annotation, or of a whole image, that holds: see
    `wire.identifications`.

    `by` is a name that may be published: a person's display name, never an e-mail address.
    `of_image` marks at an annotation what was said of its whole image: how many there are, and of
    which sex, stands with the image alone.
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
    of_image: bool = False
    external: list[str] | None = None
    """The observationID, eventID and individualID that an imported package gives it."""


class AnnotationRecord(msgspec.Struct, omit_defaults=True):
    """An annotation of the newest completed analysis of each model, or of an older one that
    somebody spoke of.

    `taxon` is what its label means. `aside` marks what would show the same twice: it is told where
    it is told what each model found, and left aside where it is told what an image shows.
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
    said: IdentificationRecord | None = None
    aside: bool = False
    external: list[str] | None = None
    """The observationID, eventID and individualID that an imported package gives it."""

    @property
    def model(self) -> str:
        """The model that found it, with its version."""
        return f"{self.model_name} {self.model_version}".strip()

    @property
    def terminal(self) -> bool | None:
        """Whether it names its box to people; None where its result does not say."""
        says = self.data.get("terminal")
        return says if isinstance(says, bool) else None


class ImageRecord(msgspec.Struct, omit_defaults=True):
    """An image; `path` is what it was called where it came from, with its folders.

    `file` is its original's key in the store, `upright_file` that of its upright copy where it has
    one.
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
    """Whether any analysis of it is completed."""
    shown: bool = False
    """Whether visitors of the project were shown it; nobody is in a project that is not public."""
    sequence_images: int = 0
    """How many images its sequence has, whether the export holds them or not."""
    said: IdentificationRecord | None = None
    found: list[AnnotationRecord] = []
    media_id: str = ""
    """The mediaID that an imported package gives it."""
    external: list[str] | None = None
    """The observationID, eventID and individualID of its being blank, where a package gives them."""


class DeploymentRecord(msgspec.Struct, omit_defaults=True):
    """A deployment with what its sheet says."""

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
    is_default: bool = False
    images: int = 0
    """How many images of it the export holds."""
    first_image_at: datetime | None = None
    last_image_at: datetime | None = None
    external_id: str = ""
    """The deploymentID that an imported package gives it, and its locationID."""
    location_id: str = ""


class ExportMetadata(msgspec.Struct, omit_defaults=True):
    """What holds for the export as a whole; `options` are those of its format, as they were checked."""

    project_id: int
    project_name: str
    project_description: str
    started_at: datetime
    sequence_gap_s: int = 120
    public: bool = False
    public_url: str = ""
    options: dict[str, Any] = {}
    deployments: list[DeploymentRecord] = []
    taxa: list[TaxonRecord] = []


class ExportIssue(msgspec.Struct, omit_defaults=True):
    """Something that keeps an export from being valid, in plain words, with what to do about it.

    `count` is how often it was met; `deployment` names where, if it belongs to one.
    """

    what: str
    count: int = 1
    deployment: UUID | None = None


class ExportReport(msgspec.Struct, omit_defaults=True):
    """What a writer did: rows written, what it set right by itself, what it had to leave out, what is wrong."""

    written: int = 0
    fixed: list[ExportIssue] = []
    left_out: list[ExportIssue] = []
    problems: list[ExportIssue] = []


def truncate_list(problems: Sequence[ExportIssue]) -> list[ExportIssue]:
    """Leave so many of them as are listed; the last one counts the others, where there are more."""
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
    """The records of one export on the disk; `read_picture` reads the bytes under a key of the store."""

    folder: Path
    about: ExportMetadata
    read_picture: Callable[[str], bytes]
    _taxa: dict[UUID, TaxonRecord] = field(default_factory=dict)

    @property
    def taxa(self) -> Mapping[UUID, TaxonRecord]:
        """Give the taxa that anything in the export names, by id."""
        if not self._taxa:
            self._taxa.update((taxon.id, taxon) for taxon in self.about.taxa)
        return self._taxa

    def images(self) -> Iterator[ImageRecord]:
        """Read the images one by one, by deployment, capture time and id."""
        return self.read(ImageRecord)

    def read(self, form: type[Form]) -> Iterator[Form]:
        """Read the images in another form of the record, which has only what a writer needs of it."""
        decoder = msgspec.json.Decoder(form)
        with (self.folder / IMAGES).open("rb") as lines:
            for line in lines:
                yield decoder.decode(line)


def write_records(images: Iterable[ImageRecord]) -> bytes:
    """Write images as they stand in a spool, a line each."""
    return b"".join(msgspec.json.encode(image) + b"\n" for image in images)
