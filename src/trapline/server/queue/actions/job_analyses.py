"""The analyses of a job, one for each of its images."""

from uuid import UUID

from trapline.server.catalogue.actions.analysis_responses import build_analyses
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.findings.queries.annotation_pages import list_analysis_annotations
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.queue.queries.job_analyses import select_job_analyses
from trapline.server.queue.queries.jobs import get_job_row
from trapline.wire.analyses import Analysis
from trapline.wire.values import Page


async def list_job_analyses(
    system: AppContext, scope: Scope, job_id: int, limit: int, cursor: str | None
) -> Page[Analysis]:
    """List the analyses of a job by image ID, each with the first of its annotations.

    Raises:
        NotFound: the caller does not see such a job.
    """
    async with system.database.transaction(scope) as tx:
        statement = select_job_analyses(scope, await get_job_row(scope, tx, job_id))
        order = [(AnalysisRow.image_id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        analyses = await build_analyses(
            system, scope, tx, await list_analysis_annotations(scope, tx, rows, longer=0)
        )
    return Page(results=analyses, next=following, count=count, count_is_estimate=estimated)
