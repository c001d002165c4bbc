"""Methods for processing services and workers."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.workers import EvictResult, ProcessingService, Worker


class WorkerApi:
    """Methods for processing services and workers."""

    _to: ApiSession

    def list_services(self, project_id: int) -> list[ProcessingService]:
        """List the processing services of a project and their workers."""
        return self._to.list_all(
            "/processing_services", NotebookPage[ProcessingService], {"project": project_id}
        )

    def list_workers(self, project_id: int | None = None, *, ended: bool = False) -> list[Worker]:
        """List the workers of the last day, of one project or of all of yours.

        With `ended` the list includes workers whose ID has ended.
        """
        params = {"project": project_id, "ended": "true" if ended else None}
        return self._to.list_all("/workers", NotebookPage[Worker], params)

    def get_worker(self, worker_id: UUID) -> Worker:
        """Get a worker and its leases."""
        return self._to.get(f"/workers/{worker_id}", Worker)

    def evict_worker(self, worker_id: UUID) -> EvictResult:
        """Revoke a worker's leases immediately, and end its ID."""
        return self._to.send("POST", f"/workers/{worker_id}/evict", EvictResult)
