"""Lists of the annotations of many images."""

from trapline.server.catalogue.actions.analysis_responses import build_annotations
from trapline.server.catalogue.queries.annotation_search import (
    count_annotation_matches,
    list_annotation_matches,
)
from trapline.server.catalogue.rules.filters import AnnotationSearchFilter
from trapline.server.images.queries.images import get_image_row
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.annotations import AnnotationWithImage
from trapline.wire.values import Page


async def list_annotations(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: AnnotationSearchFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Page[AnnotationWithImage]:
    """List annotations of completed analyses, by capture time. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        if wanted.image_id is not None:
            await get_image_row(scope, tx, wanted.image_id)
        rows, following = await list_annotation_matches(
            scope, tx, project_id, wanted, descending=descending, limit=limit, cursor=cursor
        )
        count, estimated = await count_annotation_matches(scope, tx, project_id, wanted)
        count = max(count, len(rows))
        built = await build_annotations(
            system, scope, tx, [(row.annotation, row.algorithm) for row in rows]
        )
    results = [
        AnnotationWithImage(
            **dict(one),
            project_id=row.annotation.project_id,
            image_id=row.image.id,
            deployment_id=row.image.deployment_id,
            captured_at=row.image.captured_at,
            job_id=row.analysis.job_id,
            model_name=row.analysis.model_name,
            model_version=row.analysis.model_version,
        )
        for row, one in zip(rows, built, strict=True)
    ]
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)
