"""Artifacts: files of analyses in the object store."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from trapline.wire.values import UUID, AnyText, Count, Message, Request, Sha256, Time


class ArtifactType(StrEnum):
    """Kind of an artifact file."""

    HEATMAP = "heatmap"
    MASK = "mask"
    SEGMENTATION = "segmentation"
    LOG = "log"
    METADATA = "metadata"


class ArtifactState(StrEnum):
    """State of an artifact: URL created, stored, or cited by an annotation or its analysis."""

    PRESIGNED = "presigned"
    UPLOADED = "uploaded"
    CITED = "cited"


class Artifact(Message):
    """One file of an analysis; its size in bytes and SHA-256 are set when it is stored."""

    id: UUID
    analysis_id: UUID
    artifact_type: ArtifactType
    filename: AnyText
    media_type: AnyText
    storage_path: AnyText
    state: ArtifactState
    size: Count | None
    sha256: AnyText | None
    created_at: Time
    uploaded_at: Time | None


def _one_segment(filename: str) -> str:
    if filename in (".", ".."):
        raise ValueError("must be the name of a file")
    return filename


class NewArtifact(Request):
    """Announcement of a file to upload; the size in bytes and the SHA-256 are optional."""

    artifact_type: ArtifactType
    filename: Annotated[
        str,
        Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9_.\-]+$"),
        AfterValidator(_one_segment),
    ]
    size: Annotated[Count, Field(ge=1)] | None = None
    sha256: Sha256 | None = None


class PresignedUpload(Message):
    """URL for a PUT request with the file, its expiry, and the headers to send.

    `storage_path` is the value to cite in annotations.
    """

    artifact_id: UUID
    upload_url: AnyText
    storage_path: AnyText
    expires_at: Time
    headers: dict[str, str]
