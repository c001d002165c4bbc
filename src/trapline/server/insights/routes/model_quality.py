"""Routes of model quality: by class, by confidence, comparisons, thresholds and audit samples."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.insights.actions import (
    audit_samples,
    confidences,
    model_quality,
    quality_tables,
)
from trapline.server.insights.routes.survey_parameters import ProjectQuery
from trapline.server.platform.http.parameters import QueryText, set_etag
from trapline.wire.insights import MOST_CHOSEN
from trapline.wire.model_quality import (
    ModelComparison,
    ModelQuality,
    ModelReliability,
    NewAuditSample,
    QualityTable,
    ThresholdSuggestion,
)
from trapline.wire.review_sets import ReviewSet

router = APIRouter(prefix="/insights", tags=["insights"])
SourceText = Annotated[
    QueryText, Query(min_length=1, description="`model:` with a name, a slash and a version.")
]


@router.get("/model-quality")
async def get_model_quality(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectQuery,
    source: SourceText | None = None,
    deployment: Annotated[Sequence[UUID], Query(max_length=MOST_CHOSEN)] = (),
) -> ModelQuality:
    """Return precision, recall and F1 of a model version by class and deployment.

    Figures of random audit samples are separate from those of images that people chose.
    """
    return await model_quality.get_model_quality(system, scope, project, source, deployment)


@router.get(
    "/model-quality/table", response_class=Response, responses={200: {"content": {"text/csv": {}}}}
)
async def export_quality_table(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectQuery,
    source: SourceText | None = None,
    table: QualityTable = QualityTable.CLASSES,
) -> Response:
    """Export the quality of a model version as CSV."""
    text = await quality_tables.export_quality_table(system, scope, project, source, table)
    name = f"model-quality-{table.value}-{project}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/reliability")
async def get_reliability(
    system: SystemOf, scope: ScopeOf, project: ProjectQuery, source: SourceText
) -> ModelReliability:
    """Return the share of correct classes by confidence of a model version."""
    return await confidences.get_reliability(system, scope, project, source)


@router.get("/model-comparison")
async def get_model_comparison(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectQuery,
    first: SourceText,
    second: SourceText,
) -> ModelComparison:
    """Compare two model versions on the same reviewed images with McNemar's exact test."""
    return await model_quality.get_model_comparison(system, scope, project, first, second)


@router.get("/threshold")
async def get_threshold_suggestion(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectQuery,
    source: SourceText,
    name: Annotated[
        QueryText, Query(alias="class", min_length=1, description="A name that insights return.")
    ],
    recall: Annotated[float, Query(gt=0, le=1, description="The share to keep.")] = 0.95,
) -> ThresholdSuggestion:
    """Suggest the detection threshold of a class that reaches a recall on reviewed images.

    Send `class_thresholds` to `PATCH /projects/{id}/observation-settings` to apply it.
    """
    return await confidences.get_threshold_suggestion(system, scope, project, source, name, recall)


@router.post("/audit-samples", status_code=201)
async def create_audit_sample(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectQuery,
    new: NewAuditSample,
    response: Response,
) -> ReviewSet:
    """Draw images at random and create a review set of them.

    Model quality distinguishes its reviews from those of images that people chose. Images that are
    in a random audit sample already are not drawn again.
    """
    created = await audit_samples.create_audit_sample(system, scope, project, new)
    set_etag(response, created.updated_at)
    return created
