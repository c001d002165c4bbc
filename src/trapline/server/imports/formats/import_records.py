"""What an import is made of, whatever its format: entries that each name a picture, and what is
found on it.

A reader of a format looks through its file once, then gives the entries in their order, again and
again the same; what an entry says is read when the size of its picture is known. Nothing here knows
the database.
"""

import mmap
from collections.abc import Iterator, Sequence
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
"""How many entries a file may have, and how many parts in any order: what is taken in has an end."""
LONGEST_ENTRY = 16 << 20
"""How many bytes of a file are read at a time: unpacked into objects they take up to eight times as much memory."""


class EntryFault(NamedTuple):
    """Something that cannot be taken: where it stands, what is wrong in plain words, and which picture it names."""

    place: str
    message: str
    file: str | None = None
    kind: FaultKind = FaultKind.WRONG


class InvalidEntry(Exception):
    """An entry cannot be taken; said in words that go on from where it stands."""


class UnreadableFile(Exception):
    """The file as a whole cannot be taken; nothing of it was."""


class ModelInfo(NamedTuple):
    """What a result is by."""

    name: str
    version: str


class ImportedFinding(NamedTuple):
    """One thing that was found, its data in pixels of the upright picture; `parent` is the place of its box."""

    kind: str
    class_name: str | None
    confidence: float | None
    data: dict[str, Any]
    parent: int | None = None


class ImportedResult(NamedTuple):
    """What one model says of one picture: findings, none where it is empty, or why it failed."""

    model: ModelInfo
    findings: Sequence[ImportedFinding]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ImportedIdentification:
    """What a person says of a picture; `finding` is the place of what it is about in the results' first one."""

    kind: str
    name: str | None = None
    comment: str | None = None
    count: int | None = None
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None
    at: datetime | None = None
    finding: int | None = None


@dataclass
class EntryIds:
    """The IDs that a package gives an image and its observations.

    Observations are known by the identity of their finding or statement; `blank` is that of a
    machine without any. Each has its observationID, eventID and individualID.
    """

    media_id: str
    observations: dict[int, list[str]] = field(default_factory=dict)
    blank: list[str] | None = None

    def add(self, one: "ImportedFinding | ImportedIdentification | None", ids: list[str]) -> None:
        """Add the IDs of a finding, of a statement, or of a machine that found nothing."""
        if one is None:
            self.blank = self.blank or ids
        else:
            self.observations[id(one)] = ids


@dataclass
class EntryContent:
    """All that an entry says of its picture, and how much was left out on purpose."""

    results: list[ImportedResult] = field(default_factory=list)
    statements: list[ImportedIdentification] = field(default_factory=list)
    left_out: int = 0
    ids: EntryIds | None = None


class ImportEntry(NamedTuple):
    """One picture that a file speaks of: where that stands, how it is called there, and what is
    said, unread.

    `image_id` and `deployment_id` are told where the file knows our own.
    """

    place: str
    path: str
    content: Any
    image_id: UUID | None = None
    deployment_id: UUID | None = None


class ImageReference(NamedTuple):
    """How a picture is called in a file, and the key of its deployment where the file tells that."""

    path: str
    deployment: str = ""


class DeploymentReference(NamedTuple):
    """A deployment that a file tells of; `key` is what it is called there."""

    key: str
    name: str
    id: UUID | None = None
    values: dict[str, Any] = {}
    location_id: str = ""


@dataclass
class PackageTaxa:
    """The taxa that a file describes, by their place in its list, and the scientific names of its observations."""

    values: dict[int, dict[str, Any]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    faults: list[EntryFault] = field(default_factory=list)


class FormatReader(Protocol):
    """Reads the files of one format; opened with the whole structure looked at.

    Raises Unreadable.
    """

    left_out: int
    """How much of it is about no one picture."""

    def deployments(self) -> Sequence[DeploymentReference | EntryFault]:
        """Tell of the deployments that the file describes."""

    def taxa(self) -> PackageTaxa:
        """Read the taxa that the file describes."""

    def place_deployments(self, ids: dict[str, UUID]) -> None:
        """Learn which deployments these are here."""

    def paths(self) -> Iterator[ImageReference]:
        """Go through the paths of all entries, empty where they cannot be read."""

    def entries(self, after: int) -> Iterator[ImportEntry | EntryFault]:
        """Go through the entries behind the first so many; one that cannot be read is a Fault in its place."""

    def read(self, entry: ImportEntry, frame: Frame) -> EntryContent:
        """Read what an entry says, for a picture of this size. Raises Wrong."""

    def close(self) -> None:
        """Let the file go."""


class FormatReaderFactory(Protocol):
    """Opens a file with what was asked for."""

    def __call__(self, path: Path, options: ImportOptions) -> FormatReader:
        """Look through it. Raises Unreadable."""


def map_file(path: Path) -> mmap.mmap:
    """Map a file into memory, which is the file's own. Raises Unreadable."""
    with path.open("rb") as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise UnreadableFile("The file is empty.") from None


def sanitise_text(text: str, most: int = LONGEST_TEXT) -> str:
    """A text that can be stored and shown, whatever it was."""
    return text.replace("\x00", "\\0").encode("utf-8", "replace").decode()[:most]


def parse_id(text: str | None) -> UUID | None:
    """Read an ID that may be one of ours; None for any other text."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def parse_class_name(name: str) -> str:
    """A class's name as it is kept. Raises Wrong."""
    if not name or len(name) > LONGEST_CLASS or "\x00" in name:
        raise InvalidEntry(
            f"the class {sanitise_text(name, 50)!r} must be a text of 1 to {LONGEST_CLASS} characters without NUL"
        )
    return name


def validate_confidence(confidence: float) -> float:
    """A confidence from 0 to 1. Raises Wrong."""
    if not 0 <= confidence <= 1:
        raise InvalidEntry(f"the confidence {confidence:g} is not from 0 to 1")
    return confidence


REACH = 0.01
"""By which part of the picture a box may reach over its edge and is clipped rather than refused."""


def scale_box(box: Sequence[float], frame: Frame) -> dict[str, Any]:
    """A box given as left, top, width and height in fractions of the picture, in its pixels.

    Raises Wrong.
    """
    if len(box) != 4:
        raise InvalidEntry("a box must be four numbers: left, top, width, height")
    left, top, width, height = box
    if not (
        left >= -REACH and top >= -REACH and left + width <= 1 + REACH and top + height <= 1 + REACH
    ):
        raise InvalidEntry(
            f"the box {list(box)} reaches out of its picture: it is told in fractions from 0 to 1"
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
    """The data of a classification: its classes with their confidences, the surest first."""
    ordered = sorted(found, key=lambda one: -one[1])
    return {"topk": [{"class": name, "confidence": confidence} for name, confidence in ordered]}
