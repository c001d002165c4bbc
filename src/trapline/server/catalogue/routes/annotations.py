"""Lists of the annotations of many images or of one."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.catalogue.actions import annotations
from trapline.server.catalogue.rules.filters import AnnotationSearchFilter
from trapline.server.platform.http.parameters import (
    LARGEST,
    Cursor,
    Limit,
    ProjectFilter,
    QueryText,
)
from trapline.wire.annotations import (
    AnnotationOrder,
    AnnotationType,
    AnnotationWithImage,
)
from trapline.wire.observations import ObservationSource
from trapline.wire.values import GivenTime, Page

router = APIRouter(tags=["annotations"])

Confidence = Annotated[float | None, Query(ge=0, le=1, allow_inf_nan=False)]
TypeFilter = Annotated[AnnotationType | None, Query(alias="type")]
ClassFilter = Annotated[QueryText | None, Query(alias="class")]
ModelFilter = Annotated[
    QueryText | None, Query(description="Slug of a pipeline, or name of an external model.")
]
ReviewedFilter = Annotated[
    bool | None, Query(description="Only annotations that are, or are not, identified by a person.")
]
TaxonFilter = Annotated[
    UUID | None,
    Query(description="Only labels that are mapped to this taxon or one of its synonyms."),
]
SourceFilter = Annotated[
    ObservationSource | None,
    Query(description="Only boxes that people drew (human), or only annotations of models."),
]
AlgorithmFilter = Annotated[
    QueryText | None, Query(description="Key of the algorithm of the annotation.")
]


@router.get("/annotations")
async def list_annotations(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    annotation_type: TypeFilter = None,
    class_name: ClassFilter = None,
    taxon: TaxonFilter = None,
    confidence_min: Confidence = None,
    confidence_max: Confidence = None,
    deployment: UUID | None = None,
    captured_after: GivenTime | None = None,
    captured_before: GivenTime | None = None,
    model: ModelFilter = None,
    model_version: QueryText | None = None,
    algorithm: AlgorithmFilter = None,
    job: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    reviewed: ReviewedFilter = None,
    source: SourceFilter = None,
    order: AnnotationOrder = AnnotationOrder.NEWEST_FIRST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AnnotationWithImage]:
    """List annotations by capture time, of one or of all your projects.

    These are the annotations of completed analyses, and the boxes that people drew.
    """
    wanted = AnnotationSearchFilter(
        annotation_type=annotation_type,
        class_name=class_name,
        taxon_id=taxon,
        confidence_min=confidence_min,
        confidence_max=confidence_max,
        deployment_id=deployment,
        captured_after=captured_after,
        captured_before=captured_before,
        model=model,
        model_version=model_version,
        algorithm=algorithm,
        job_id=job,
        reviewed=reviewed,
        human=None if source is None else source is ObservationSource.HUMAN,
    )
    descending = order == AnnotationOrder.NEWEST_FIRST
    return await annotations.list_annotations(
        system, scope, project, wanted, descending=descending, limit=limit, cursor=cursor
    )


@router.get("/images/{image_id}/annotations")
async def list_image_annotations(
    system: SystemOf,
    scope: ScopeOf,
    image_id: UUID,
    annotation_type: TypeFilter = None,
    class_name: ClassFilter = None,
    taxon: TaxonFilter = None,
    confidence_min: Confidence = None,
    confidence_max: Confidence = None,
    model: ModelFilter = None,
    model_version: QueryText | None = None,
    algorithm: AlgorithmFilter = None,
    reviewed: ReviewedFilter = None,
    source: SourceFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AnnotationWithImage]:
    """List the annotations of an image in the order of their storage.

    These are the annotations of completed analyses, and the boxes that people drew.
    """
    wanted = AnnotationSearchFilter(
        annotation_type=annotation_type,
        class_name=class_name,
        taxon_id=taxon,
        confidence_min=confidence_min,
        confidence_max=confidence_max,
        model=model,
        model_version=model_version,
        algorithm=algorithm,
        image_id=image_id,
        reviewed=reviewed,
        human=None if source is None else source is ObservationSource.HUMAN,
    )
    return await annotations.list_annotations(
        system, scope, None, wanted, descending=False, limit=limit, cursor=cursor
    )
