"""Routes of the quality of models, and of random audit samples."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.insights.actions import audit_samples, model_quality
from trapline.server.insights.routes.survey_parameters import ProjectQuery
from trapline.server.platform.http.parameters import QueryText
from trapline.wire.model_quality import (
    ModelComparison,
    ModelQuality,
    NewAuditSample,
    ThresholdSuggestion,
)
from trapline.wire.review_sets import ReviewSet

router = APIRouter(prefix="/insights", tags=["insights"])

Source = Annotated[
    QueryText, Query(min_length=1, description="`model:` with the name and version of a model.")
]


@router.get("/model-quality")
async def get_model_quality(
    system: SystemOf, scope: ScopeOf, project: ProjectQuery, source: Source | None = None
) -> ModelQuality:
    """Return precision, recall and F1 of a model by class and deployment.

    Only reviews of random audit samples are unbiased; other reviews are counted separately.
    """
    return await model_quality.get_model_quality(system, scope, project, source)


@router.get("/model-comparison")
async def compare_models(
    system: SystemOf, scope: ScopeOf, project: ProjectQuery, first: Source, second: Source
) -> ModelComparison:
    """Compare two model versions on the same reviewed images with McNemar's test."""
    return await model_quality.compare_models(system, scope, project, first, second)


@router.get("/thresholds")
async def suggest_threshold(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectQuery,
    source: Source,
    species: Annotated[QueryText, Query(min_length=1)],
    recall: Annotated[float, Query(gt=0, le=1), Field(allow_inf_nan=False)] = 0.95,
) -> ThresholdSuggestion:
    """Suggest the detection threshold of a class for a recall, from audited images.

    To apply it, send `class_thresholds` to the observation settings of the project.
    """
    return await model_quality.suggest_threshold(system, scope, project, source, species, recall)


@router.post("/audit-samples", status_code=201)
async def create_audit_sample(
    system: SystemOf, scope: ScopeOf, project: ProjectQuery, new: NewAuditSample
) -> ReviewSet:
    """Create a random audit sample: a review set of images that are drawn at random."""
    return await audit_samples.create_audit_sample(system, scope, project, new)
