"""Records of an import, in every format: entries that each name an image, and their content.

A reader scans its file once. It then returns the entries in their order, and in the same order each
time. The content of an entry is read when the size of its image is known. This module does not use
the database.
"""

import mmap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from trapline.server.findings.rules.geometry import Frame
from trapline.wire.imports import FaultKind, ImportOptions

LONGEST_TEXT = 1000
LONGEST_CLASS = 255
MOST_ENTRIES = 20_000_000
"""The maximum number of entries of a file, and of their parts."""
LONGEST_ENTRY = 16 << 20
"""The maximum number of bytes per read; as objects they need up to eight times the memory."""

MOST_LOST = 1000
"""The maximum number of descriptions of values that have no place."""

NO_DEPLOYMENT = "its deploymentID is not the ID of a deployment that the project has"


class EntryFault(NamedTuple):
    """An entry that cannot be imported: its position, the reason, and the image's file name."""

    place: str
    message: str
    file: str | None = None
    kind: FaultKind = FaultKind.WRONG


class InvalidEntry(Exception):
    """An entry cannot be imported; the message continues the entry's position."""


class UnreadableFile(Exception):
    """The file cannot be imported; nothing of it was stored."""


class ModelInfo(NamedTuple):
    """The model of a result."""

    name: str
    version: str


class ImportedFinding(NamedTuple):
    """A finding with data in pixels of the upright image; `parent` is the position of its box."""

    kind: str
    class_name: str | None
    confidence: float | None
    data: dict[str, Any]
    parent: int | None = None


class ImportedResult(NamedTuple):
    """The result of a model for an image: findings, none if it is blank, or the model's error."""

    model: ModelInfo
    findings: Sequence[ImportedFinding]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ImportedIdentification:
    """An identification by a person.

    `finding` is the position of the finding that it refers to, in the first result.
    """

    kind: str
    name: str | None = None
    comment: str | None = None
    count: int | None = None
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None
    at: datetime | None = None
    finding: int | None = None
    individual_id: str | None = None


@dataclass
class EntryIds:
    """The IDs that a package gives an image and its observations.

    `observations` is keyed by `id()` of the finding or statement. `others` has those of
    observations without one: BLANK, by a machine that found nothing, and UNCLASSIFIED. Each value
    is an `ImportedObservation`.
    """

    media_id: str
    observations: dict[int, list[str]] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)

    def add(self, one: "ImportedFinding | ImportedIdentification | str", ids: list[str]) -> None:
        """Add the IDs of a finding or a statement, or those of an observation without one."""
        if isinstance(one, str):
            self.others.setdefault(one, ids)
        else:
            self.observations[id(one)] = ids


@dataclass
class EntryContent:
    """The content of an entry, and the number of findings that were left out."""

    results: list[ImportedResult] = field(default_factory=list)
    statements: list[ImportedIdentification] = field(default_factory=list)
    left_out: int = 0
    ids: EntryIds | None = None


class ImportEntry(NamedTuple):
    """An entry of a file: its position, the path of its image, and its undecoded content.

    `image_id` and `deployment_id` are set if the file contains Trapline's IDs. `comment` and `tags`
    are those of the image.
    """

    place: str
    path: str
    content: Any
    image_id: UUID | None = None
    deployment_id: UUID | None = None
    is_favorite: bool = False
    comment: str = ""
    tags: tuple[str, ...] = ()


@dataclass
class ImportEvent:
    """The statements of people about an event, and its media; an entry without an image.

    `statements` are of one kind; each of several names a taxon, and `ids` has what the package says
    of each, as `ImportedObservation`. Without `media` the event has the images of its period.
    """

    event_id: str
    deployment_id: UUID | None
    media: list[ImportEntry] = field(default_factory=list)
    period: tuple[datetime, datetime] | None = None
    statements: list[ImportedIdentification] = field(default_factory=list)
    ids: list[list[str]] = field(default_factory=list)
    faults: list[EntryFault] = field(default_factory=list)

    def add_fault(self, line: int, reason: str) -> None:
        """Add the reason why an observation is left out, with the ID of its event."""
        event = f" (event {sanitise_text(self.event_id, 100)})" if self.event_id else ""
        self.faults.append(EntryFault(f"line {line} of observations{event}", reason))


class ImageReference(NamedTuple):
    """The path of an image in a file, and the key of its deployment if the file states it."""

    path: str
    deployment: str = ""


class DeploymentReference(NamedTuple):
    """A deployment that a file describes; `key` is its ID in the file, `place` its position."""

    key: str
    name: str
    id: UUID | None = None
    values: dict[str, Any] = {}
    location_id: str = ""
    place: str = ""


class LostValues:
    """Counts the values of a file that have no place in a project, by table and description."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, table: str, descriptions: Iterable[str]) -> None:
        """Count one value for each description; those beyond MOST_LOST are counted together."""
        for one in descriptions:
            key = (table, one)
            if key not in self._counts and len(self._counts) >= MOST_LOST:
                key = (table, "values of further columns have no place here and are left out")
            self._counts[key] += 1

    def list_faults(self) -> list[EntryFault]:
        """List a fault for each description, with the number of its values."""
        return [
            EntryFault(table, f"{what}: {count:,} {'value' if count == 1 else 'values'}")
            for (table, what), count in sorted(self._counts.items())
        ]


@dataclass
class PackageTaxa:
    """The taxa that a file describes, by position, and the scientific names of its observations."""

    values: dict[int, dict[str, Any]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    faults: list[EntryFault] = field(default_factory=list)


class FormatReader(Protocol):
    """The reader of a format; the structure of the file is checked when it is opened.

    A reader of a format without deployments and taxa inherits the methods for them. Raises
    UnreadableFile.
    """

    left_out: int
    """The number of observations that do not belong to one image."""
    lost: LostValues
    """The values of the whole file that have no place; complete when `paths` was read."""

    def deployments(self) -> Sequence[DeploymentReference | EntryFault]:
        """Return the deployments that the file describes; by default none."""
        return ()

    def taxa(self) -> PackageTaxa:
        """Return the taxa that the file describes; by default none."""
        return PackageTaxa()

    def place_deployments(self, ids: dict[str, UUID]) -> None:  # noqa: ARG002 - for other formats
        """Set the deployments of the project by their keys in the file; by default do nothing."""
        # mypy takes a method of a protocol with an empty body for an abstract one.
        return

    def paths(self) -> Iterator[ImageReference]:
        """List the paths of all entries; the path of an unreadable entry is empty."""

    def entries(self, after: int) -> Iterator[ImportEntry | EntryFault]:
        """List the entries after the first `after` ones; an unreadable entry is an EntryFault."""

    def read(self, entry: ImportEntry, frame: Frame) -> EntryContent:
        """Read the content of an entry for an image of this size. Raises InvalidEntry."""

    def close(self) -> None:
        """Close the file."""


class FormatReaderFactory(Protocol):
    """Opens a file with the options of an import."""

    def __call__(self, path: Path, options: ImportOptions) -> FormatReader:
        """Open the file and check its structure. Raises UnreadableFile."""


def map_file(path: Path) -> mmap.mmap:
    """Map a file into memory read-only. Raises UnreadableFile."""
    with path.open("rb") as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise UnreadableFile("The file is empty.") from None


def sanitise_text(text: str, most: int = LONGEST_TEXT) -> str:
    """Return a text that can be stored and shown, at most `most` characters long."""
    return text.replace("\x00", "\\0").encode("utf-8", "replace").decode()[:most]


def parse_id(text: str | None) -> UUID | None:
    """Parse an ID that may be one of Trapline; None for any other text."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def parse_class_name(name: str) -> str:
    """Validate and return the name of a class. Raises InvalidEntry."""
    if not name or len(name) > LONGEST_CLASS or "\x00" in name:
        raise InvalidEntry(
            f"the class {sanitise_text(name, 50)!r} must be a text of 1 to {LONGEST_CLASS} "
            "characters without NUL"
        )
    return name


def validate_confidence(confidence: float) -> float:
    """Validate and return a confidence from 0 to 1. Raises InvalidEntry."""
    if not 0 <= confidence <= 1:
        raise InvalidEntry(f"the confidence {confidence:g} is not from 0 to 1")
    return confidence


REACH = 0.01
"""How far a box may exceed its image, as a fraction; it is clipped. A larger excess is an error."""


def scale_box(box: Sequence[float], frame: Frame) -> dict[str, Any]:
    """Convert a box of left, top, width and height in fractions to pixels of the image.

    Raises InvalidEntry.
    """
    if len(box) != 4:
        raise InvalidEntry("a box must be four numbers: left, top, width, height")
    left, top, width, height = box
    if not (
        left >= -REACH and top >= -REACH and left + width <= 1 + REACH and top + height <= 1 + REACH
    ):
        raise InvalidEntry(
            f"the box {list(box)} exceeds its image: its values must be fractions from 0 to 1"
        )
    x_min, y_min = max(left, 0.0) * frame.width, max(top, 0.0) * frame.height
    x_max, y_max = min(left + width, 1.0) * frame.width, min(top + height, 1.0) * frame.height
    if not (x_min < x_max and y_min < y_max):
        raise InvalidEntry(f"the box {list(box)} has no area")
    return {
        "x_min": round(x_min, 4),
        "y_min": round(y_min, 4),
        "x_max": round(x_max, 4),
        "y_max": round(y_max, 4),
        "image_width": frame.width,
        "image_height": frame.height,
    }


def build_classification(found: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """Build the data of a classification: its classes by falling confidence."""
    ordered = sorted(found, key=lambda one: -one[1])
    return {"topk": [{"class": name, "confidence": confidence} for name, confidence in ordered]}
