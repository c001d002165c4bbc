"""Methods for projects, their audit log and their changes."""

import json
from collections.abc import Iterator

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.audit import AuditEntry
from trapline.wire.events import ChangeEvent
from trapline.wire.projects import NewProject, Project, ProjectUpdate


class ProjectApi:
    """Methods for projects."""

    _to: ApiSession

    def list_projects(self) -> list[Project]:
        """List the caller's projects."""
        return self._to.list_all("/projects", NotebookPage[Project])

    def create_project(self, new: NewProject) -> Project:
        """Create a project."""
        return self._to.send("POST", "/projects", Project, new)

    def get_project(self, project_id: int) -> Project:
        """Get a project."""
        return self._to.get(f"/projects/{project_id}", Project)

    def update_project(self, project_id: int, change: ProjectUpdate) -> Project:
        """Update the fields that are set in `change`."""
        return self._to.send("PATCH", f"/projects/{project_id}", Project, change)

    def delete_project(self, project_id: int, name: str) -> Project:
        """Delete a project, confirmed by its name; it can be restored for a limited time."""
        return self._to.send("DELETE", f"/projects/{project_id}", Project, params={"name": name})

    def restore_project(self, project_id: int) -> Project:
        """Restore a deleted project."""
        return self._to.send("POST", f"/projects/{project_id}/restore", Project)

    def list_deleted_projects(self) -> list[Project]:
        """List the deleted projects that the caller owns."""
        return self._to.list_all("/projects", NotebookPage[Project], {"deleted": "true"})

    def list_audit(self, **filters: str | int | float | None) -> NotebookPage[AuditEntry]:
        """List one page of the audit log of the caller's own projects, newest first.

        Filters are project, actor, action, kind, since, cursor, limit.
        """
        return self._to.get("/audit", NotebookPage[AuditEntry], filters)

    def stream_changes(self, project_id: int) -> Iterator[ChangeEvent]:
        """Yield changes of a project while the connection lasts; each names what to read again."""
        with self._to.stream("/events", {"project": project_id}) as response:
            for line in response.iter_lines():
                if line.startswith("data:"):
                    yield ChangeEvent.model_validate(json.loads(line[5:]))
