"""Methods for deployments, their clocks, and their CSV sheets."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.deployments import (
    ClockOffsetRequest,
    ClockPreview,
    Deployment,
    DeploymentImportResult,
    DeploymentUpdate,
    NewDeployment,
)


class DeploymentApi:
    """Methods for deployments."""

    _to: ApiSession

    def list_deployments(
        self, project_id: int, **filters: str | int | float | None
    ) -> list[Deployment]:
        """List a project's deployments; filters are name, camera, habitat, order."""
        return self._to.list_all(
            "/deployments", NotebookPage[Deployment], {"project": project_id, **filters}
        )

    def create_deployment(self, new: NewDeployment) -> Deployment:
        """Create a deployment."""
        return self._to.send("POST", "/deployments", Deployment, new)

    def get_deployment(self, deployment_id: UUID) -> Deployment:
        """Get a deployment."""
        return self._to.get(f"/deployments/{deployment_id}", Deployment)

    def update_deployment(self, deployment_id: UUID, change: DeploymentUpdate) -> Deployment:
        """Update the fields set in `change`; a new clock offset recomputes capture times."""
        return self._to.send("PATCH", f"/deployments/{deployment_id}", Deployment, change)

    def delete_deployment(self, deployment_id: UUID) -> None:
        """Delete a deployment that has no images and no pull sources."""
        self._to.send("DELETE", f"/deployments/{deployment_id}", type(None))

    def preview_clock_offset(
        self,
        deployment_id: UUID,
        clock_offset_s: int | None = None,
        *,
        time_zone: str | None = None,
    ) -> ClockPreview:
        """Return what another clock offset or time zone would change; nothing is changed."""
        wanted = ClockOffsetRequest(clock_offset_s=clock_offset_s, time_zone=time_zone)
        return self._to.send(
            "POST", f"/deployments/{deployment_id}/clock/preview", ClockPreview, wanted
        )

    def undo_clock_offset(self, deployment_id: UUID) -> Deployment:
        """Restore the previous clock offset."""
        return self._to.send("POST", f"/deployments/{deployment_id}/clock/undo", Deployment)

    def export_deployments_csv(self, project_id: int) -> bytes:
        """Export a project's deployments as CSV."""
        return self._to.get_bytes("/deployments/csv", {"project": project_id})

    def import_deployments_csv(self, project_id: int, sheet: bytes) -> DeploymentImportResult:
        """Create and update deployments from a CSV, matched by name; all or none."""
        return self._to.send(
            "POST",
            "/deployments/csv",
            DeploymentImportResult,
            sheet,
            params={"project": project_id},
            headers={"Content-Type": "text/csv"},
        )
