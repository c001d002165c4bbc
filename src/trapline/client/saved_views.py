"""Methods for saved views: named filters of the images of a project."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.saved_views import NewSavedView, SavedView, SavedViewUpdate


class SavedViewApi:
    """Methods for saved views."""

    _to: ApiSession

    def list_saved_views(self, **filters: str | int | float | None) -> NotebookPage[SavedView]:
        """List one page of saved views by name; filters: project, cursor, limit."""
        return self._to.get("/saved-views", NotebookPage[SavedView], filters)

    def create_saved_view(self, new: NewSavedView) -> SavedView:
        """Save a filter of images under a name."""
        return self._to.send("POST", "/saved-views", SavedView, new)

    def get_saved_view(self, view_id: UUID) -> SavedView:
        """Get a saved view."""
        return self._to.get(f"/saved-views/{view_id}", SavedView)

    def update_saved_view(self, view_id: UUID, change: SavedViewUpdate) -> SavedView:
        """Update the fields that are set in `change`."""
        return self._to.send("PATCH", f"/saved-views/{view_id}", SavedView, change)

    def delete_saved_view(self, view_id: UUID) -> None:
        """Delete a saved view; its images are kept."""
        self._to.send("DELETE", f"/saved-views/{view_id}", type(None))
