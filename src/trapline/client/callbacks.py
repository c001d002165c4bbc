"""Signed requests of external pipelines, safe to repeat."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self
from uuid import UUID

from trapline import __version__
from trapline.client.analyses import AnalysisReadApi
from trapline.client.api_session import ApiSession
from trapline.client.errors import ApiStatusError
from trapline.client.retry import RetryPolicy
from trapline.client.signing import Sign
from trapline.wire.analyses import Analysis, AnalysisState, Finalization, StatusUpdate
from trapline.wire.artifacts import ArtifactType, NewArtifact, PresignedUpload
from trapline.wire.bulk_annotations import (
    BulkAnnotation,
    BulkAnnotationsRequest,
    BulkAnnotationsResult,
    BulkMode,
)
from trapline.wire.problem import FieldProblem

_PLACE = re.compile(r"annotations\.(\d+)(\.|$)")


@dataclass(frozen=True)
class RejectedAnnotation:
    """An annotation that the server rejected: its position in the list, and the reasons."""

    place: int
    problems: list[FieldProblem]


@dataclass(frozen=True)
class PostAnnotationsResult:
    """Stored annotations, and invalid ones that were left out."""

    stored: BulkAnnotationsResult
    skipped: list[RejectedAnnotation]


class CallbackSession(AnalysisReadApi):
    """Session of an external pipeline; close it or use it in a `with`.

    It is safe to use from several threads.

    `sign` is built by `trapline.client.signing`: `build_key_signer` for a service key,
    `build_secret_signer` for the secret of an analysis or the shared secret (which cannot read).
    Every request is retried after transient failures, because it may be repeated. Every method
    raises ApiStatusError if the server refuses the request, and ApiConnectionError if there is no
    response.
    """

    def __init__(
        self,
        url: str,
        sign: Sign,
        *,
        retry: RetryPolicy | None = None,
        read_timeout_s: float = 30.0,
        post_timeout_s: float = 60.0,
    ) -> None:
        self._to = ApiSession(
            url,
            None,
            user_agent=f"trapline/{__version__}",
            retry=retry or RetryPolicy(),
            read_timeout_s=read_timeout_s,
            post_timeout_s=post_timeout_s,
            sign=sign,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the session."""
        self._to.close()

    def set_status(
        self, analysis_id: UUID, status: AnalysisState, error_message: str | None = None
    ) -> Analysis:
        """Set the status of an analysis, such as processing when the work starts.

        Setting the current status changes nothing.
        """
        change = StatusUpdate(status=status, error_message=error_message)
        path = f"/analyses/{analysis_id}/status"
        return self._to.send("PATCH", path, Analysis, change, retry=self._to.retry)

    def presign(self, analysis_id: UUID, new: NewArtifact) -> PresignedUpload:
        """Get a signed URL to upload a file to; this may be repeated until the file is cited."""
        path = f"/analyses/{analysis_id}/artifacts/presign"
        return self._to.send("POST", path, PresignedUpload, new, retry=self._to.retry)

    def upload(self, presigned: PresignedUpload, content: bytes | Path) -> None:
        """Upload a file to its signed URL."""
        self._to.retry.run(lambda: self._upload(presigned, content))

    def add_artifact(
        self, analysis_id: UUID, kind: ArtifactType, filename: str, content: bytes | Path
    ) -> str:
        """Upload a file with its size and SHA-256; return the `storage_path` to cite it by."""
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        new = NewArtifact(artifact_type=kind, filename=filename, size=size, sha256=_hash(content))
        presigned = self.presign(analysis_id, new)
        self.upload(presigned, content)
        return presigned.storage_path

    def post_annotations(
        self,
        analysis_id: UUID,
        annotations: Sequence[BulkAnnotation],
        *,
        mode: BulkMode = BulkMode.APPEND,
        on_invalid: Literal["refuse", "skip"] = "refuse",
    ) -> PostAnnotationsResult:
        """Store annotations, all or none; those that are already stored are not changed.

        With `skip`, the annotations that the server reports as invalid are left out and the rest is
        sent again. If none would be left, the error is raised, so that a replacement never deletes
        the whole set by accident.
        """
        places = list(range(len(annotations)))
        skipped: list[RejectedAnnotation] = []
        while True:
            body = BulkAnnotationsRequest(
                annotations=[annotations[place] for place in places], mode=mode
            )
            try:
                path = f"/analyses/{analysis_id}/annotations:bulk"
                stored = self._to.send(
                    "POST", path, BulkAnnotationsResult, body, retry=self._to.retry
                )
            except ApiStatusError as refused:
                wrong = _name_wrong(refused) if on_invalid == "skip" else {}
                if not wrong or len(wrong) == len(places):
                    raise
                skipped += [
                    RejectedAnnotation(places[index], problems) for index, problems in wrong.items()
                ]
                places = [place for index, place in enumerate(places) if index not in wrong]
            else:
                return PostAnnotationsResult(stored, sorted(skipped, key=lambda one: one.place))

    def finalize(self, analysis_id: UUID, *, error_message: str | None = None) -> Analysis:
        """End an analysis: completed, or failed if there is an error message."""
        status = AnalysisState.COMPLETED if error_message is None else AnalysisState.FAILED
        end = Finalization(status=status, error_message=error_message)
        return self._to.send(
            "POST", f"/analyses/{analysis_id}/finalize", Analysis, end, retry=self._to.retry
        )

    def _upload(self, presigned: PresignedUpload, content: bytes | Path) -> None:
        if isinstance(content, bytes):
            self._to.put_signed(presigned.upload_url, content, presigned.headers)
        else:
            with content.open("rb") as file:
                self._to.put_signed(presigned.upload_url, file, presigned.headers)


def _name_wrong(refused: ApiStatusError) -> dict[int, list[FieldProblem]]:
    """Return the problems of a refusal by position; empty if it has other errors."""
    wrong: dict[int, list[FieldProblem]] = {}
    if refused.status != 422:
        return {}
    for problem in refused.errors:
        named = _PLACE.match(problem.where)
        if named is None:
            return {}
        wrong.setdefault(int(named.group(1)), []).append(problem)
    return wrong


def _hash(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
