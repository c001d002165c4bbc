"""Imports: results that were made elsewhere, taken in from a file in one of the formats of the field."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Count, Fraction, Id, Message, Text, Time


class ImportFormat(StrEnum):
    """What kind of file an import reads."""

    MEGADETECTOR = "megadetector"
    SPECIESNET = "speciesnet"
    COCO = "coco"
    CAMTRAP_DP = "camtrap-dp"


class ImportState(StrEnum):
    """Where an import is."""

    QUEUED = "queued"
    READING = "reading"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


LIVE = frozenset({ImportState.QUEUED, ImportState.READING})
"""The states that lead somewhere by themselves."""


class FaultKind(StrEnum):
    """Why something of a file was not taken: it is wrong, or it names a picture that is not here, or several."""

    WRONG = "wrong"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"


ModelName = Annotated[Text, Field(min_length=1, max_length=255)]
ModelVersion = Annotated[Text, Field(min_length=1, max_length=100)]


class ImportOptions(Message):
    """How a file is read.

    The model is called as the file says where nothing is said here. Boxes and classes below `confidence_min` are left
    out. With `nothing_is_blank` an image of COCO without any annotation is taken as empty, otherwise as not looked at.
    """

    model_name: ModelName | None = None
    model_version: ModelVersion | None = None
    confidence_min: Fraction = 0.0
    nothing_is_blank: bool = False


class Import(Message):
    """A file that is taken in.

    `total` is how many entries it has, known once it was looked through; `done` of them are dealt with. `stored`
    analyses and `annotations` are new, `unchanged` ones were there before. `model_failures` are among the stored: the
    model had failed on those images. `left_out` is what was passed over on purpose. `faults` counts what could not
    be taken, of which `unknown` and `ambiguous` are entries that fit no image, or several.
    """

    id: UUID
    project_id: Id
    deployment_id: UUID | None
    format: ImportFormat
    state: ImportState
    filename: AnyText
    size_bytes: Count
    sha256: AnyText
    options: ImportOptions
    requested_by: AnyText
    total: Count | None
    done: Count
    stored: Count
    unchanged: Count
    annotations: Count
    identifications: Count
    deployments: Count
    model_failures: Count
    left_out: Count
    faults: Count
    unknown: Count
    ambiguous: Count
    error: AnyText | None
    created_at: Time
    started_at: Time | None
    ended_at: Time | None
    updated_at: Time


class ImportFault(Message):
    """Something of a file that was not taken: where it stands, which picture it names, and what is wrong."""

    number: Count
    kind: FaultKind
    place: AnyText
    file: AnyText | None
    message: AnyText
