"""Methods for public projects, with a token or without."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.public_projects import (
    PublicDeployment,
    PublicImage,
    PublicImageDetail,
    PublicPreview,
    PublicProject,
)


class PublicProjectApi:
    """Methods for public projects."""

    _to: ApiSession

    def get_public_project(self, project_id: int) -> PublicProject:
        """Get a public project."""
        return self._to.get(f"/public/projects/{project_id}", PublicProject)

    def get_public_preview(self, project_id: int) -> PublicPreview:
        """Get the number of images that visitors see, or would see, and the unknown classes."""
        return self._to.get(f"/projects/{project_id}/public_preview", PublicPreview)

    def list_public_deployments(self, project_id: int) -> list[PublicDeployment]:
        """List the public deployments by number."""
        return self._to.list_all(
            f"/public/projects/{project_id}/deployments", NotebookPage[PublicDeployment]
        )

    def list_public_images(
        self, project_id: int, **filters: str | int | None
    ) -> NotebookPage[PublicImage]:
        """List one page of the public images.

        Filters are deployment, class_, captured_after, order, cursor, ...
        """
        return self._to.get(
            f"/public/projects/{project_id}/images", NotebookPage[PublicImage], filters
        )

    def get_public_image(self, project_id: int, image_id: UUID) -> PublicImageDetail:
        """Get one public image."""
        return self._to.get(f"/public/projects/{project_id}/images/{image_id}", PublicImageDetail)
