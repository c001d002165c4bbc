"""Export of one analysis as a file, read page by page to bound memory."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from trapline.server.catalogue.actions.analysis_responses import build_analyses, build_annotations
from trapline.server.external.formats.analysis_export import write_csv, write_json
from trapline.server.external.queries.standalone_analyses import get_analysis_row
from trapline.server.findings.queries.annotation_pages import (
    FIRST_PAGE,
    list_analysis_annotations,
    list_annotation_rows,
)
from trapline.server.findings.rules.filters import AnnotationFilter
from trapline.server.findings.rules.geometry import Frame
from trapline.server.images.queries.images import get_image_row
from trapline.server.images.queries.locations import list_precisions
from trapline.server.images.rules.locations import get_shown_filename
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.analyses import AnalysisFormat
from trapline.wire.annotations import Annotation


async def export_analysis(
    system: AppContext, scope: Scope, analysis_id: UUID, form: AnalysisFormat
) -> tuple[str, str, AsyncIterator[bytes]]:
    """Export an analysis: the name of the file, its media type, and its bytes.

    Raises:
        NotFound: the caller does not see such an analysis.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_analysis_row(scope, tx, analysis_id)
        image = await get_image_row(scope, tx, row.image_id)
        [analysis] = await build_analyses(
            system, scope, tx, await list_analysis_annotations(scope, tx, [row])
        )
        withheld = await list_precisions(scope, tx, [image.project_id], [image.deployment_id])
        tx.audit("export", "analysis", analysis_id, row.project_id, format=form.value)
    pages = _read_pages(system, scope, analysis_id)
    match form:
        case AnalysisFormat.JSON:
            return f"analysis-{analysis_id}.json", "application/json", write_json(analysis, pages)
        case AnalysisFormat.CSV:
            return f"analysis-{analysis_id}.csv", "text/csv; charset=utf-8", write_csv(pages)
        case AnalysisFormat.COCO:
            # Imported with the first export of this format, because it would take a tenth of the
            # start of a process.
            from trapline.server.external.formats.coco_analysis import AnalysedImage, write_coco
            from trapline.server.platform.formats.zip_writer import image_path, sanitise_path

            path = (
                get_shown_filename(image.id, image.filename)
                if withheld
                else sanitise_path(image_path(image.source_path, image.filename))
            )
            picture = AnalysedImage(path, Frame(image.width, image.height))
            return (
                f"analysis-{analysis_id}-coco.json",
                "application/json",
                write_coco(analysis, picture, pages),
            )


async def _read_pages(
    system: AppContext, scope: Scope, analysis_id: UUID
) -> AsyncIterator[Sequence[Annotation]]:
    cursor = None
    while True:
        async with system.database.transaction(scope) as tx:
            row = await get_analysis_row(scope, tx, analysis_id)
            found, cursor = await list_annotation_rows(
                scope, tx, row, AnnotationFilter(), FIRST_PAGE, cursor
            )
            page = await build_annotations(system, scope, tx, found)
        yield page
        if cursor is None:
            return
