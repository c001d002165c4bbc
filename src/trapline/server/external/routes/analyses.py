"""Routes of external analyses: users create them, signed callbacks change them."""

import mmap
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import BaseModel, ValidationError

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.external.actions import analyses, analysis_exports, artifacts, bulk_annotations
from trapline.server.external.routes.callbacks import (
    CallbackOf,
    SignedCallback,
    SignedOf,
    receive_callback,
)
from trapline.server.findings.rules.filters import AnnotationFilter
from trapline.server.platform.errors import InvalidRequest, NotFound, Unauthenticated, Unprocessable
from trapline.server.platform.http.parameters import Cursor, Limit
from trapline.server.platform.http.problems import build_field_problems
from trapline.server.platform.http.request_bodies import build_body_schema
from trapline.wire.analyses import (
    Analysis,
    AnalysisFormat,
    AnalysisState,
    CreatedAnalysis,
    Finalization,
    NewAnalysis,
    StatusUpdate,
)
from trapline.wire.annotations import Annotation, AnnotationType
from trapline.wire.artifacts import Artifact, NewArtifact, PresignedUpload
from trapline.wire.bulk_annotations import BulkAnnotationsRequest, BulkAnnotationsResult
from trapline.wire.values import AnyText, Fraction, Page

router = APIRouter(tags=["analyses"])
Asked = TypeVar("Asked", bound=BaseModel)


def _read(body: bytes | mmap.mmap, kind: type[Asked]) -> Asked:
    """Parse a body that was received before its signature was verified.

    Raises:
        InvalidRequest: it is not JSON.
        Unprocessable: a value is not valid.
    """
    text = bytes(body)
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("The body is not UTF-8. Nothing was changed.") from error
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        if text.strip() and any(found["type"] == "json_invalid" for found in errors):
            raise InvalidRequest("The body is not valid JSON. Nothing was changed.") from error
        problems = build_field_problems(errors)
        shown = "; ".join(f"{where or 'the body'}: {message}" for where, message in problems[:3])
        raise Unprocessable(f"{shown}. Nothing was changed.", problems) from error


switched_off = APIRouter(include_in_schema=False)
EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@switched_off.api_route("/images/{image_id}/analyses", methods=EVERY_METHOD)
@switched_off.api_route("/analyses/{rest:path}", methods=EVERY_METHOD)
@switched_off.api_route("/artifacts/{rest:path}", methods=EVERY_METHOD)
async def handle_disabled() -> None:
    """Replace all of these routes if external pipelines are disabled."""
    raise NotFound


@router.post("/images/{image_id}/analyses", status_code=201)
async def create_analysis(
    system: SystemOf, scope: ScopeOf, response: Response, image_id: UUID, new: NewAnalysis
) -> CreatedAnalysis:
    """Create an analysis for an external pipeline; `callback_secret` signs its callbacks."""
    made = await analyses.create_analysis(system, scope, image_id, new)
    response.headers["Location"] = f"/api/analyses/{made.id}"
    return made


@router.get("/images/{image_id}/analyses")
async def list_analyses(
    system: SystemOf, scope: ScopeOf, image_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> Page[Analysis]:
    """List the analyses of an image, newest first."""
    return await analyses.list_analyses(system, scope, image_id, limit, cursor)


@router.get("/analyses/{analysis_id}")
async def get_analysis(system: SystemOf, callback: CallbackOf, analysis_id: UUID) -> Analysis:
    """Get an analysis with the first page of its annotations."""
    return await analyses.get_analysis(system, callback.scope, analysis_id, callback.use)


@router.get("/analyses/{analysis_id}/annotations")
async def list_annotations(
    system: SystemOf,
    callback: CallbackOf,
    analysis_id: UUID,
    annotation_type: Annotated[AnnotationType | None, Query(alias="type")] = None,
    class_name: Annotated[AnyText | None, Query(alias="class")] = None,
    confidence_min: Annotated[Fraction | None, Query(strict=False)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Annotation]:
    """List the annotations of an analysis by ordering, then in the order posted."""
    wanted = AnnotationFilter(annotation_type, class_name, confidence_min)
    return await analyses.list_annotations(
        system, callback.scope, analysis_id, wanted, limit, cursor, callback.use
    )


@router.patch("/analyses/{analysis_id}/status", openapi_extra=build_body_schema(StatusUpdate))
async def update_status(system: SystemOf, callback: CallbackOf, analysis_id: UUID) -> Analysis:
    """Change the status of an analysis: from queued to processing, and from there to its end.

    A user may cancel it.
    """
    change = _read(callback.body, StatusUpdate)
    if change.status != AnalysisState.CANCELED:
        _check_signed(callback, system)
    return await analyses.update_status(system, callback.scope, analysis_id, change, callback.use)


def _check_signed(callback: SignedCallback, system: SystemOf) -> None:
    if not callback.is_signed and system.callbacks.require_signature:
        raise Unauthenticated(
            "Only a signed callback may set this status. Nothing was changed. Users may set an "
            "analysis to canceled."
        )


@router.post(
    "/analyses/{analysis_id}/artifacts/presign", openapi_extra=build_body_schema(NewArtifact)
)
async def presign(system: SystemOf, callback: SignedOf, analysis_id: UUID) -> PresignedUpload:
    """Get a signed URL to upload one file to."""
    new = _read(callback.body, NewArtifact)
    return await artifacts.presign(system, callback.scope, analysis_id, new, callback.use)


@router.post(
    "/analyses/{analysis_id}/annotations:bulk",
    openapi_extra=build_body_schema(BulkAnnotationsRequest),
    response_model=BulkAnnotationsResult,
)
async def post_annotations(system: SystemOf, callback: SignedOf, analysis_id: UUID) -> Response:
    """Store annotations, all of them or none; those that are already stored are not changed."""
    stored = await bulk_annotations.post_annotations(
        system, callback.scope, analysis_id, callback.body, callback.use
    )
    return Response(msgspec.json.encode(stored), media_type="application/json")


@router.post("/analyses/{analysis_id}/finalize", openapi_extra=build_body_schema(Finalization))
async def finalize(system: SystemOf, callback: SignedOf, analysis_id: UUID) -> Analysis:
    """End an analysis, completed or failed."""
    end = _read(callback.body, Finalization)
    return await analyses.finalize(system, callback.scope, analysis_id, end, callback.use)


@router.get("/analyses/{analysis_id}/artifacts")
async def list_artifacts(
    system: SystemOf, scope: ScopeOf, analysis_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> Page[Artifact]:
    """List the files of an analysis, oldest first."""
    return await artifacts.list_artifacts(system, scope, analysis_id, limit, cursor)


@router.get("/artifacts/{artifact_id}/download", status_code=302, response_class=RedirectResponse)
async def download_artifact(system: SystemOf, scope: ScopeOf, artifact_id: UUID) -> str:
    """Redirect to the signed URL of an artifact."""
    return await artifacts.get_download_url(system, scope, artifact_id)


@router.get("/analyses/{analysis_id}/export", response_class=StreamingResponse)
async def export_analysis(
    system: SystemOf,
    scope: ScopeOf,
    analysis_id: UUID,
    form: Annotated[AnalysisFormat, Query(alias="format")],
) -> StreamingResponse:
    """Download an analysis with all its annotations, as JSON, CSV or COCO."""
    name, media_type, pieces = await analysis_exports.export_analysis(
        system, scope, analysis_id, form
    )
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


@router.api_route(
    "/analyses/{analysis_id}/{rest:path}",
    methods=EVERY_METHOD,
    include_in_schema=False,
    dependencies=[Depends(receive_callback)],
)
async def handle_unknown_path() -> None:
    """Return the same error for each unknown path, so that it does not reveal what exists."""
    raise NotFound
