"""The analyses of a job."""

from sqlalchemy import Select, select

from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.images.queries.images import ImageRow
from trapline.server.platform.access import Scope
from trapline.server.queue.queries.jobs import JobRow


def select_job_analyses(scope: Scope, job: JobRow) -> Select[AnalysisRow]:
    """Select the analyses of a job, except those of deleted images."""
    scope.check(job.project_id)
    of_job = select(AnalysisRow).join(ImageRow, AnalysisRow.image_id == ImageRow.id)
    return of_job.where(AnalysisRow.job_id == job.id, ImageRow.deleted_at.is_(None))
