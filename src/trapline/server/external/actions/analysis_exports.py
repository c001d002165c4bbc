"""One analysis as a file, read page by page so that none is too large."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from trapline.server.catalogue.rules.filters import AnnotationFilter
from trapline.server.external.formats.analysis_export import write_csv, write_json
from trapline.server.external.queries.standalone_analyses import get_analysis
from trapline.server.findings.actions.analysis_responses import describe_annotations, describe_found
from trapline.server.findings.queries.annotation_pages import FIRST_PAGE, find_found, list_annotations
from trapline.server.findings.rules.geometry import Frame
from trapline.server.images.queries.images import get_image
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import System
from trapline.wire.analyses import AnalysisFormat
from trapline.wire.annotations import Annotation


async def export_analysis(
    system: System, scope: Scope, analysis_id: UUID, form: AnalysisFormat
) -> tuple[str, str, AsyncIterator[bytes]]:
    """Export an analysis: the name of the file, its media type, and its bytes. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_analysis(scope, tx, analysis_id)
        image = await get_image(scope, tx, row.image_id)
        [analysis] = await describe_found(system, scope, tx, await find_found(scope, tx, [row]))
        tx.audit("export", "analysis", analysis_id, row.project_id, format=form.value)
    pages = _read_pages(system, scope, analysis_id)
    match form:
        case AnalysisFormat.JSON:
            return f"analysis-{analysis_id}.json", "application/json", write_json(analysis, pages)
        case AnalysisFormat.CSV:
            return f"analysis-{analysis_id}.csv", "text/csv; charset=utf-8", write_csv(pages)
        case AnalysisFormat.COCO:
            # Loaded with the first export of this form: it would take a tenth of a process's start.
            from trapline.server.external.formats.coco_analysis import Picture, write_coco
            from trapline.server.platform.formats.zip_writer import image_path, relative_path

            path = relative_path(image_path(image.source_path, image.filename))
            picture = Picture(path, Frame(image.width, image.height))
            return f"analysis-{analysis_id}-coco.json", "application/json", write_coco(analysis, picture, pages)


async def _read_pages(system: System, scope: Scope, analysis_id: UUID) -> AsyncIterator[Sequence[Annotation]]:
    cursor = None
    while True:
        async with system.database.transaction(scope) as tx:
            row = await get_analysis(scope, tx, analysis_id)
            found, cursor = await list_annotations(scope, tx, row, AnnotationFilter(), FIRST_PAGE, cursor)
            page = await describe_annotations(system, scope, tx, found)
        yield page
        if cursor is None:
            return
