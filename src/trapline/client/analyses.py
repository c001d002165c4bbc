"""Methods for analyses of external pipelines, and for the keys that they sign with."""

from uuid import UUID, uuid4

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.analyses import (
    Analysis,
    AnalysisFormat,
    AnalysisState,
    CreatedAnalysis,
    NewAnalysis,
    StatusUpdate,
)
from trapline.wire.annotations import Annotation
from trapline.wire.artifacts import Artifact
from trapline.wire.callback_keys import (
    CallbackKey,
    CreatedCallbackKey,
    NewCallbackKey,
    SignatureCheckRequest,
    SignatureCheckResult,
)


class AnalysisReadApi:
    """Methods that read an analysis, with a token or a signature."""

    _to: ApiSession

    def get_analysis(self, analysis_id: UUID) -> Analysis:
        """Get an analysis with the first page of its annotations."""
        return self._to.get(f"/analyses/{analysis_id}", Analysis)

    def list_annotations(
        self, analysis_id: UUID, **filters: str | int | float | None
    ) -> NotebookPage[Annotation]:
        """List one page of annotations in order; filters:

        type, class, confidence_min, cursor, limit.
        """
        return self._to.get(
            f"/analyses/{analysis_id}/annotations", NotebookPage[Annotation], filters
        )


class AnalysisApi(AnalysisReadApi):
    """Methods for analyses of external pipelines."""

    def create_analysis(self, new: NewAnalysis, *, key: str | None = None) -> CreatedAnalysis:
        """Create an analysis of an external pipeline.

        The result has the secret that signs its callbacks.

        `key` is the Idempotency-Key: the same key returns the same analysis. Each call has one, and
        is retried.
        """
        return self._to.send(
            "POST",
            f"/images/{new.image_id}/analyses",
            CreatedAnalysis,
            new,
            headers={"Idempotency-Key": key or str(uuid4())},
            retry=self._to.retry,
        )

    def list_analyses(
        self, image_id: UUID, **filters: str | int | float | None
    ) -> NotebookPage[Analysis]:
        """List one page of an image's analyses, newest first; filters are cursor, limit."""
        return self._to.get(f"/images/{image_id}/analyses", NotebookPage[Analysis], filters)

    def download_artifact(self, artifact_id: UUID) -> bytes:
        """Download the file of an analysis."""
        return self._to.get_signed_url(f"/artifacts/{artifact_id}/download")

    def export_analysis(
        self, analysis_id: UUID, form: AnalysisFormat = AnalysisFormat.JSON
    ) -> bytes:
        """Export an analysis with all its annotations as json, csv or coco."""
        return self._to.get_bytes(f"/analyses/{analysis_id}/export", {"format": form.value})

    def cancel_analysis(self, analysis_id: UUID) -> Analysis:
        """Cancel a stand-alone analysis; the server rejects further annotations of it."""
        change = StatusUpdate(status=AnalysisState.CANCELED)
        return self._to.send(
            "PATCH", f"/analyses/{analysis_id}/status", Analysis, change, retry=self._to.retry
        )

    def list_artifacts(
        self, analysis_id: UUID, **filters: str | int | float | None
    ) -> NotebookPage[Artifact]:
        """List one page of an analysis's files, oldest first; filters are cursor, limit."""
        return self._to.get(f"/analyses/{analysis_id}/artifacts", NotebookPage[Artifact], filters)

    def list_callback_keys(self, project_id: int | None = None) -> list[CallbackKey]:
        """List the service keys of a project, or of all of the caller's, newest first."""
        return self._to.list_all(
            "/callback_keys", NotebookPage[CallbackKey], {"project": project_id}
        )

    def create_callback_key(self, new: NewCallbackKey) -> CreatedCallbackKey:
        """Create a service key; only this response has its secret."""
        return self._to.send("POST", "/callback_keys", CreatedCallbackKey, new)

    def revoke_callback_key(self, key_id: UUID) -> None:
        """Revoke a service key by its `id`, which is not the key ID that signs."""
        self._to.send("DELETE", f"/callback_keys/{key_id}", type(None))

    def check_signature(self, asked: SignatureCheckRequest) -> SignatureCheckResult:
        """Check which part of a request's signature is invalid."""
        return self._to.send("POST", "/callback_keys/check", SignatureCheckResult, asked)
