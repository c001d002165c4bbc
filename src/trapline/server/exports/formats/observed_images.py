"""Images of an export with their annotations, and what is observed on them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

BOX, CLASSIFICATION = "bounding_box", "classification"
DRAWN = frozenset({"segmentation", "keypoint"})


class ObservationType(StrEnum):
    """The type of an observation, in the terms of Camtrap DP."""

    ANIMAL = "animal"
    HUMAN = "human"
    VEHICLE = "vehicle"
    BLANK = "blank"
    UNKNOWN = "unknown"
    UNCLASSIFIED = "unclassified"


class ObservedIdentification(msgspec.Struct, gc=False):
    """An `IdentificationRecord` with its IDs and times as text."""

    kind: str
    by: str
    at: str
    taxon: str | None = None
    label: str | None = None
    comment: str | None = None
    count: int | None = None
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None
    individual_id: str | None = None
    external: list[str] | None = None


class ObservedAnnotation(msgspec.Struct, gc=False):
    """An `AnnotationRecord` with undecoded data, which is decoded only if needed."""

    id: str
    analysis_id: str
    type: str
    data: msgspec.Raw
    class_name: str | None = None
    confidence: float | None = None
    parent_id: str | None = None
    taxon: str | None = None
    model_name: str = ""
    model_version: str = ""
    at: str | None = None
    aside: bool = False
    external: list[str] | None = None

    @property
    def model(self) -> str:
        """The model that found it, with its version."""
        return f"{self.model_name} {self.model_version}".strip()

    @property
    def terminal(self) -> bool | None:
        """Whether it names its box; None if its result does not state it."""
        if b'"terminal"' not in bytes(self.data):
            return None
        says = _read_says(self.data).terminal
        return says if isinstance(says, bool) else None


class StoredObservation(msgspec.Struct, gc=False):
    """An `ObservationRecord` with its IDs and times as text."""

    id: str
    kind: ObservationType
    label: str = ""
    taxon: str | None = None
    confidence: float | None = None
    needs_review: bool = False
    found: str | None = None
    named_by: str | None = None
    said: ObservedIdentification | None = None
    remarks: str = ""


class StatedGroup(msgspec.Struct):
    """A `StatedGroupRecord` with its IDs as text."""

    kind: ObservationType
    taxon: str | None = None
    label: str = ""
    count: int | None = None
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None
    individual_id: str | None = None
    external_id: str = ""
    is_located: bool = False


class StatedSequence(msgspec.Struct):
    """A `StatedSequenceRecord` with its IDs and times as text."""

    by: str
    at: str
    comment: str | None = None
    groups: list[StatedGroup] = []
    event_id: str = ""
    external_id: str = ""
    sequence_id: str | None = None
    is_imported: bool = False


class ObservedImage(msgspec.Struct):
    """An `ImageRecord` with its IDs as text."""

    id: str
    deployment_id: str
    filename: str
    path: str
    media_type: str
    width: int
    height: int
    captured_at: datetime
    captured_at_source: str
    time_zone: str
    sha256: str
    file: str
    upright_file: str | None = None
    sequence_id: str | None = None
    blank: bool | None = None
    reviewed: bool = False
    starred: bool = False
    tags: list[str] = []
    flags: list[str] = []
    exif: dict[str, Any] = {}
    analysed: bool = False
    shown: bool = False
    sequence_images: int = 0
    comment: str = ""
    remarks: str = ""
    observed: list[StoredObservation] | None = None
    stated: StatedSequence | None = None
    found: list[ObservedAnnotation] = []
    formless: int = 0
    media_id: str = ""
    external: list[str] | None = None

    @property
    def event_id(self) -> str:
        """The ID of its sequence, or of the image if it has no sequence."""
        return self.sequence_id or self.id


class ExportedObservation(msgspec.Struct, gc=False):
    """One thing that is seen on an image.

    `box` is left, top, width and height in upright pixels within the image. `said` is what a person
    stated; it is None if only a model found it. `found` is the annotation that the observation is
    based on. `named_by` is the annotation that names it, such as that of a classifier, and
    `confidence` is the confidence of that annotation. `parts` are other shapes drawn of the same
    thing.
    """

    id: str
    kind: ObservationType
    taxon: str | None = None
    label: str = ""
    confidence: float | None = None
    box: tuple[float, float, float, float] | None = None
    found: ObservedAnnotation | None = None
    said: ObservedIdentification | None = None
    named_by: ObservedAnnotation | None = None
    parts: Sequence[ObservedAnnotation] = ()
    needs_review: bool = False
    remarks: str = ""
    """Comments of people on `found` that identify nothing."""


class BoxCorners(msgspec.Struct, gc=False):
    """The corners of a box; `empty` marks a box that was outside its image."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float
    empty: bool = False


class _Says(msgspec.Struct):
    terminal: Any = None


_read_says = msgspec.json.Decoder(_Says).decode
