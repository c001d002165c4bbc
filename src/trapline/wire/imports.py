"""Imports: results of other programs, from a file in a standard format."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Count, Fraction, Id, Message, Request, Text, Time


class ImportFormat(StrEnum):
    """Format of an import."""

    MEGADETECTOR = "megadetector"
    SPECIESNET = "speciesnet"
    COCO = "coco"
    CAMTRAP_DP = "camtrap-dp"


class ImportState(StrEnum):
    """State of an import."""

    QUEUED = "queued"
    READING = "reading"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


LIVE = frozenset({ImportState.QUEUED, ImportState.READING})
"""States of an import that has not ended."""


class FaultKind(StrEnum):
    """Reason why an entry was not imported: invalid, unknown image, or several images."""

    WRONG = "wrong"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"


MOST_FOLDERS = 1000
FolderName = Annotated[Text, Field(min_length=1, max_length=1000)]
ModelName = Annotated[Text, Field(min_length=1, max_length=255)]
ModelVersion = Annotated[Text, Field(min_length=1, max_length=100)]


class ImportOptions(Message):
    """Options of an import.

    The default name of the model is the one in the file. Boxes and classes below `confidence_min`
    are left out. With `nothing_is_blank` a COCO image without annotations is imported as blank,
    otherwise as not analysed. `folders` assigns folders of the file to deployments.
    """

    model_name: ModelName | None = None
    model_version: ModelVersion | None = None
    confidence_min: Fraction = 0.0
    nothing_is_blank: bool = False
    folders: dict[str, UUID] = {}


class Import(Message):
    """An imported file.

    `total` is the number of its entries, null until the file has been scanned; `done` of them are
    processed. `stored` analyses and `annotations` are new; `unchanged` ones were imported before.
    `model_failures` are stored results in which the model failed. `left_out` entries were skipped
    on request or because they state nothing. `deployments` got values for empty fields. `faults`
    is the number of entries that could not be imported, and of kinds of values that have no place
    in a project; `unknown` entries match no image, and `ambiguous` ones match several.
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
    """Entry or kind of value that was not imported: its position, its image and the reason."""

    number: Count
    kind: FaultKind
    place: AnyText
    file: AnyText | None
    message: AnyText


class NearDeployment(Message):
    """A deployment whose name resembles that of a folder."""

    id: UUID
    name: AnyText


class UnmatchedFolder(Message):
    """A folder of a file with entries that match no image, or several.

    It has the deployments with the most similar names.
    """

    folder: AnyText
    entries: Count
    nearest: list[NearDeployment]


class UnmatchedFolders(Message):
    """The folders of a file with entries that match no image or several, the most entries first.

    They are found among the first 10,000 faults; `is_complete` is false if the file has more.
    `all_compared` is false if some folders have no `nearest` because there are too many names to
    compare. `can_assign` is true while the server still has the file, so that its folders can be
    assigned to deployments.
    """

    folders: list[UnmatchedFolder]
    is_complete: bool
    all_compared: bool
    can_assign: bool


class AssignedFolders(Request):
    """Assign folders of a file to deployments of its project; the file is then read again."""

    folders: Annotated[dict[FolderName, UUID], Field(min_length=1, max_length=MOST_FOLDERS)]
